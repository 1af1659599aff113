"""ID tokens and the key that proves them."""

import base64
import time
from dataclasses import dataclass

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from otklik_runtime import ids, keys
from tools.local.issuer.people import Person

ALGORITHM = "EdDSA"
GOOD_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Signs ID tokens as one issuer."""

    issuer: str
    key: keys.PrivateKey

    def sign(self, person: Person, *, client_id: str, nonce: str) -> str:
        """Assert who this is, to one client."""
        now = int(time.time())  # noqa: TID251 - compared with the verifier's system clock
        claims = {
            "iss": self.issuer,
            "sub": person.subject,
            "aud": client_id,
            "iat": now,
            "nbf": now,
            "exp": now + GOOD_SECONDS,
            "auth_time": now,
            "jti": ids.new_id(),
            "name": person.name,
            "locale": person.locale,
        }
        if nonce:
            claims["nonce"] = nonce
        return jwt.encode(
            claims, self.key, algorithm=ALGORITHM, headers={"kid": self._key_id(), "typ": "JWT"}
        )

    def published(self) -> dict[str, list[dict[str, str]]]:
        """Write the public key as a JWK set."""
        raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        point = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        key = {"kty": "OKP", "crv": "Ed25519", "x": point}
        return {"keys": [{**key, "use": "sig", "alg": ALGORITHM, "kid": self._key_id()}]}

    def _key_id(self) -> str:
        return keys.key_id(self.key.public_key())
