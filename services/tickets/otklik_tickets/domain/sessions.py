"""Sessions, and what a short-lived token says about whoever holds it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from otklik_runtime.errors import Unauthenticated

ACCESS_TOKEN_LIFE = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """Somebody signed in once, and until when that counts. The token itself is nowhere kept."""

    id: str
    token_hash: bytes
    kind: str
    subject_id: str
    conversation_id: str = ""
    locale: str = ""
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None

    def expect_alive(self, now: datetime) -> None:
        """Refuse a session that has ended."""
        if self.revoked_at is not None:
            raise SessionRevoked
        if now >= self.expires_at:
            raise ProofExpired


@dataclass(frozen=True, kw_only=True, slots=True)
class Admission:
    """What an access token says: who holds it, as what, and for which conversation."""

    subject: str
    kind: str
    roles: tuple[str, ...]
    conversation_id: str = ""
    session_id: str = ""
    session_token: str = ""
    locale: str = ""

    @property
    def principal(self) -> str:
        """Whoever holds it, by resource name; a service has none but its name."""
        return self.subject if self.kind == "service" else f"{self.kind}s/{self.subject}"


@dataclass(frozen=True, kw_only=True, slots=True)
class StaffProof:
    """What a checked ID token says about the one who signed in."""

    subject: str
    name: str
    locale: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Assertion:
    """What a checked assertion of a partner or a service says."""

    issuer: str
    assertion_id: str
    expires_at: datetime


class ProofRefused(Unauthenticated):
    """The proof of identity does not hold. It is not said why: a forger learns nothing."""

    def __init__(self) -> None:
        super().__init__("proof_refused", "The proof of identity is not accepted.")


class ProofExpired(Unauthenticated):
    """The proof of identity was good once."""

    def __init__(self) -> None:
        super().__init__("proof_expired", "The proof of identity has expired: get a new one.")


class SessionRevoked(Unauthenticated):
    """The session was ended."""

    def __init__(self) -> None:
        super().__init__("session_revoked", "The session was ended: sign in again.")


def token_hash(session_token: str) -> bytes:
    """How a session token is kept. It is 256 random bits, so a fast hash is enough."""
    return sha256(session_token.encode()).digest()
