"""Ed25519 keys in files: who a service or a partner is, and what access tokens are signed with."""

import base64
import hashlib
import re
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from otklik_runtime.errors import CannotStart

PrivateKey = Ed25519PrivateKey
PublicKey = Ed25519PublicKey

_PRIVATE = re.compile(rb"-----BEGIN PRIVATE KEY-----.+?-----END PRIVATE KEY-----", re.DOTALL)


class KeyRefused(CannotStart):
    """A key file is not there or not what it should be."""


def generate() -> PrivateKey:
    """Make a new key."""
    return Ed25519PrivateKey.generate()


def save_private(key: PrivateKey, path: Path) -> None:
    """Write a private key (PEM) so that only its owner can read it."""
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def load_private(path: Path) -> list[PrivateKey]:
    """Read the private keys of a file (PEM), one at least.

    Raises:
        KeyRefused: the file is not there or holds something else.
    """
    remedy = "make one with `openssl genpkey -algorithm ed25519`"
    try:
        blocks = _PRIVATE.findall(path.read_bytes())
    except OSError as error:
        raise KeyRefused(f"the key file {path} cannot be read: {error.strerror}") from error
    found = []
    for block in blocks:
        try:
            key = serialization.load_pem_private_key(block, password=None)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyRefused(f"{path} holds no readable private key: {remedy}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyRefused(f"{path} holds a key of another kind than Ed25519: {remedy}")
        found.append(key)
    if not found:
        raise KeyRefused(f"{path} holds no private key in PEM form: {remedy}")
    return found


def public_text(key: PublicKey) -> str:
    """Write a public key as PEM."""
    pem = key.public_bytes(
        serialization.Encoding.PEM,
        serialization.PublicFormat.SubjectPublicKeyInfo,
    )
    return pem.decode()


def read_public(text: str) -> PublicKey:
    """Read a public key from PEM.

    Raises:
        KeyRefused: the text is something else.
    """
    try:
        key = serialization.load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyRefused("this is no public key in PEM form") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyRefused("this is a public key of another kind than Ed25519")
    return key


def key_id(key: PublicKey) -> str:
    """Name a key by what it is: the same key has the same name everywhere."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.urlsafe_b64encode(hashlib.sha256(raw).digest()[:12]).decode()
