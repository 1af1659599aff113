"""Who is calling: the principal of a call, and the tokens that say so.

An access token is a JWT signed with Ed25519 by the one service that exchanges proofs of identity
for it. Everybody else verifies it alone, with the keys that service publishes (see `jwks`).
"""

import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

from otklik_runtime import keys
from otklik_runtime.errors import Unauthenticated

ISSUER = "otklik"
AUDIENCE = "otklik"
ALGORITHM = "EdDSA"
LEEWAY = timedelta(seconds=10)
REQUIRED_CLAIMS = ("iss", "aud", "sub", "exp", "nbf", "kind")

# A caller sends the same token for minutes; its signature is checked once.
REMEMBERED_TOKENS = 2048

PrincipalKind = Literal["agent", "customer", "partner", "service", "anonymous"]
KINDS: tuple[PrincipalKind, ...] = ("agent", "customer", "partner", "service", "anonymous")


@dataclass(frozen=True)
class Principal:
    """One who calls.

    Attributes:
        kind: What kind of caller.
        id: A person's or partner's UUID, or a service's name.
        roles: What the caller may act as.
        conversation_id: The one conversation that a customer's link shows; empty otherwise.
        session_id: The session the token was exchanged in; empty for partners and services.
        locale: The caller's language, `ru` or `en`; empty where nobody knows.
    """

    kind: PrincipalKind
    id: str
    roles: frozenset[str]
    conversation_id: str = ""
    session_id: str = ""
    locale: str = ""

    @property
    def actor(self) -> str:
        """Who did it, as events record it: `agent/<uuid>`, `service/<name>`."""
        return f"{self.kind}/{self.id}" if self.id else self.kind

    def has_role(self, *roles: str) -> bool:
        """Tell whether the caller has one of these roles."""
        return not self.roles.isdisjoint(roles)


ANONYMOUS = Principal("anonymous", "", frozenset())

_principal: ContextVar[Principal] = ContextVar("principal", default=ANONYMOUS)


def principal() -> Principal:
    """Say who is calling; nobody in particular outside of a call."""
    return _principal.get()


@contextmanager
def acting_as(caller: Principal) -> Iterator[None]:
    """Do everything inside as this caller."""
    token = _principal.set(caller)
    try:
        yield
    finally:
        _principal.reset(token)


class Verifier(Protocol):
    """Something that knows whose an access token is."""

    async def verify(self, token: str) -> Principal:
        """Give the token's principal.

        Raises:
            Unauthenticated: `token_invalid` or `token_expired`.
            Unavailable: `identity_keys_unavailable`.
        """
        ...


class TokenIssuer:
    """The one who issues access tokens; it verifies its own without asking anybody.

    The first key signs, all are published, so that keys can be rotated without refusing a token.
    """

    def __init__(self, private_keys: list[keys.PrivateKey]) -> None:
        self._signing = private_keys[0]
        self._public = {keys.key_id(key.public_key()): key.public_key() for key in private_keys}
        self._tokens = Tokens()

    @classmethod
    def load(cls, path: Path) -> "TokenIssuer":
        """Read one or several private keys (PEM); the first one signs.

        Raises:
            KeyRefused: the file is not there or holds something else.
        """
        return cls(keys.load_private(path))

    def issue(self, caller: Principal, *, lifetime: timedelta = timedelta(minutes=5)) -> str:
        """Make an access token."""
        now = int(time.time())  # noqa: TID251 - verifiers compare with their own system clocks
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": caller.id,
            "kind": caller.kind,
            "roles": sorted(caller.roles),
            "iat": now,
            "nbf": now,
            "exp": now + int(lifetime.total_seconds()),
        }
        for name in ("conversation_id", "session_id", "locale"):
            if getattr(caller, name):
                claims[name] = getattr(caller, name)
        key_id = keys.key_id(self._signing.public_key())
        return jwt.encode(claims, self._signing, algorithm=ALGORITHM, headers={"kid": key_id})

    def jwks(self) -> dict[str, Any]:
        """Give the document to publish at `/.well-known/jwks.json`."""
        return {
            "keys": [
                {
                    **OKPAlgorithm.to_jwk(key, as_dict=True),
                    "kid": key_id,
                    "use": "sig",
                    "alg": ALGORITHM,
                }
                for key_id, key in self._public.items()
            ],
        }

    async def verify(self, token: str) -> Principal:
        """Give the token's principal."""
        known = self._tokens.remembered(token)
        if known is not None:
            return known
        key = self._public.get(key_id_of(token))
        if key is None:
            raise invalid()
        return self._tokens.checked(token, key)


class Tokens:
    """Access tokens that were found good, until they expire."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[float, Principal]] = OrderedDict()

    def remembered(self, token: str) -> Principal | None:
        """Give the principal of a token that was found good before."""
        found = self._known.get(token)
        if found is None:
            return None
        expires_at, caller = found
        if expires_at < time.time():  # noqa: TID251 - the token's own time is the system's
            del self._known[token]
            raise _expired()
        return caller

    def checked(self, token: str, key: Ed25519PublicKey) -> Principal:
        """Check a token with a key, and remember it when it is good."""
        claims = _claims(token, key)
        caller = _principal_of(claims)
        self._known[token] = (float(claims["exp"]), caller)
        if len(self._known) > REMEMBERED_TOKENS:
            self._known.popitem(last=False)
        return caller


def missing() -> Unauthenticated:
    """Say that the call carries no token."""
    return Unauthenticated(
        "token_missing",
        "this method needs an access token: exchange your proof of identity at "
        "IdentityService.ExchangeToken and send it as metadata `authorization: Bearer <token>`",
    )


def invalid() -> Unauthenticated:
    """Say that a token is not one of ours."""
    return Unauthenticated(
        "token_invalid",
        "the access token is not one of ours: exchange your proof of identity at "
        "IdentityService.ExchangeToken for a new one",
    )


def _expired() -> Unauthenticated:
    return Unauthenticated(
        "token_expired",
        "the access token has expired: exchange your session or proof of identity at "
        "IdentityService.ExchangeToken for a new one",
    )


def key_id_of(token: str) -> str:
    """Say which key a token claims to be signed with.

    Raises:
        Unauthenticated: `token_invalid`, it is no token of our kind at all.
    """
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        raise invalid() from None
    key_id = header.get("kid")
    if header.get("alg") != ALGORITHM or not isinstance(key_id, str):
        raise invalid()
    return key_id


def _claims(token: str, key: Ed25519PublicKey) -> Mapping[str, Any]:
    try:
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=LEEWAY,
            options={"require": list(REQUIRED_CLAIMS)},
        )
    except jwt.ExpiredSignatureError:
        raise _expired() from None
    except jwt.InvalidTokenError:
        raise invalid() from None
    return claims


def _principal_of(claims: Mapping[str, Any]) -> Principal:
    kind, roles = claims["kind"], claims.get("roles", [])
    if kind not in KINDS or not isinstance(roles, list):
        raise invalid()
    return Principal(
        kind=kind,
        id=str(claims["sub"]),
        roles=frozenset(str(role) for role in roles),
        conversation_id=str(claims.get("conversation_id", "")),
        session_id=str(claims.get("session_id", "")),
        locale=str(claims.get("locale", "")),
    )
