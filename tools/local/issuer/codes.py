"""Authorization codes: good once, for a minute, for whoever began the sign-in (PKCE)."""

import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field

from tools.local.issuer.people import Person

GOOD_SECONDS = 60.0


class CodeRefused(Exception):
    """A code that was used, is too old, or belongs to somebody else."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a client asked for when it sent the person here."""

    client_id: str
    redirect_uri: str
    challenge: str
    nonce: str


@dataclass
class Codes:
    """The codes that were given and not yet used."""

    _given: dict[str, tuple[Asked, Person, float]] = field(default_factory=dict)

    def give(self, asked: Asked, person: Person) -> str:
        """Give a code for this person to this client."""
        code = secrets.token_urlsafe(24)
        self._given[code] = (asked, person, time.monotonic() + GOOD_SECONDS)
        return code

    def use(
        self, code: str, *, client_id: str, redirect_uri: str, verifier: str
    ) -> tuple[Asked, Person]:
        """Use a code up.

        Raises:
            CodeRefused: says why, for the developer of the client.
        """
        asked, person, until = self._given.pop(code, (None, None, 0.0))
        if asked is None or person is None or time.monotonic() > until:
            raise CodeRefused("the code is unknown, was used before, or is older than a minute")
        if (asked.client_id, asked.redirect_uri) != (client_id, redirect_uri):
            raise CodeRefused("client_id or redirect_uri differs from the one of the sign-in")
        if not hmac.compare_digest(challenge_of(verifier), asked.challenge):
            raise CodeRefused("code_verifier does not match code_challenge")
        return asked, person


def challenge_of(verifier: str) -> str:
    """Derive the S256 challenge of a verifier (RFC 7636)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
