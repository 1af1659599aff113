"""Seals for what a browser carries for us: cookies it can neither read nor change.

The keys are derived from the desk's own private key, which every process of the desk has and
nobody else: there is no further secret to keep, and whoever replaces the key adds the new one in
front, so that nobody is signed out.
"""

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from otklik_runtime import keys

_BYTES = 32


class KeySeals:
    """Seals made with keys of our own; the first one closes, all of them open."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._secrets = list(secrets)

    @classmethod
    def load(cls, path: Path | None) -> "KeySeals":
        """Derive the keys from a file of Ed25519 private keys (PEM).

        Raises:
            KeyRefused: the file is not there or holds something else.
        """
        if path is None:
            raise keys.KeyRefused("there is no private key: set OTKLIK_DESK_PRIVATE_KEY_FILE")
        return cls([_raw(key) for key in keys.load_private(path)])

    def seal(self, purpose: str, content: Mapping[str, str]) -> str:
        """Close up some facts, for one purpose."""
        return self._box(purpose).encrypt(json.dumps(content).encode()).decode()

    def open(self, purpose: str, sealed: str, *, most_seconds: int) -> Mapping[str, str] | None:
        """Give the facts back; None when it was not sealed here, for this, or lately enough."""
        try:
            plain = self._box(purpose).decrypt(sealed.encode(), ttl=most_seconds)
        except InvalidToken:
            return None
        content: Mapping[str, str] = json.loads(plain)
        return content

    def mark(self, purpose: str, text: str) -> str:
        """Give a mark of a text that nobody else can make."""
        return hmac.digest(_derived(self._secrets[0], purpose), text.encode(), "sha256").hex()

    def _box(self, purpose: str) -> MultiFernet:
        return MultiFernet(
            Fernet(base64.urlsafe_b64encode(_derived(secret, purpose))) for secret in self._secrets
        )


def _derived(secret: bytes, purpose: str) -> bytes:
    info = f"otklik desk {purpose}".encode()
    return HKDF(hashes.SHA256(), _BYTES, salt=None, info=info).derive(secret)


def _raw(key: keys.PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.Raw,
        serialization.PrivateFormat.Raw,
        serialization.NoEncryption(),
    )
