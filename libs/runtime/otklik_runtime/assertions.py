"""Assertions: how a service or a partner proves who it is, after RFC 7523.

A short-lived JWT signed with one's own Ed25519 key; whoever keeps the public key can check it.
"""

import time
from datetime import timedelta

import jwt

from otklik_runtime import ids
from otklik_runtime.auth import ALGORITHM, AUDIENCE, LEEWAY
from otklik_runtime.errors import Unauthenticated
from otklik_runtime.keys import PrivateKey, PublicKey

LIFETIME = timedelta(minutes=1)
LONGEST_LIFETIME = timedelta(minutes=5)


def sign(name: str, private_key: PrivateKey) -> str:
    """Assert that we are `name`."""
    now = int(time.time())  # noqa: TID251 - compared with the verifier's system clock
    claims = {
        "iss": name,
        "sub": name,
        "aud": AUDIENCE,
        "iat": now,
        "nbf": now,
        "exp": now + int(LIFETIME.total_seconds()),
        "jti": ids.new_id(),
    }
    return jwt.encode(claims, private_key, algorithm=ALGORITHM)


def claimed_name(assertion: str) -> str:
    """Say who the assertion claims to come from; nothing is proven by that.

    Raises:
        Unauthenticated: `proof_refused`, it is no assertion at all.
    """
    try:
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise _refused() from None
    name = claims.get("sub")
    if not isinstance(name, str) or not name:
        raise _refused()
    return name


def verify(assertion: str, public_key: PublicKey) -> str:
    """Check an assertion with the key of the one it claims to come from, and give that name.

    Raises:
        Unauthenticated: `proof_refused` or `proof_expired`.
    """
    try:
        claims = jwt.decode(
            assertion,
            public_key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            leeway=LEEWAY,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except jwt.ExpiredSignatureError:
        raise Unauthenticated(
            "proof_expired",
            "the assertion has expired: sign a new one, and check this machine's clock",
        ) from None
    except jwt.InvalidTokenError:
        raise _refused() from None
    lifetime = timedelta(seconds=int(claims["exp"]) - int(claims["iat"]))
    if claims["iss"] != claims["sub"] or lifetime > LONGEST_LIFETIME:
        raise _refused()
    return str(claims["sub"])


def _refused() -> Unauthenticated:
    return Unauthenticated(
        "proof_refused",
        "the assertion is refused: sign a JWT (EdDSA) with your own key, `iss` = `sub` = your id, "
        "`aud` = `otklik`, `iat`, and `exp` at most 5 minutes later",
    )
