"""The key ring: tokens that prove we wrote them, for links and mail addresses.

A token says what it is for, about what, and until when, and is signed. It is written in lower-case
base32 so that it survives mail systems which change case, and it begins with the letter of its
key: two keys live at a time, the first signs, both verify. Several services share one ring.
"""

import base64
import binascii
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from otklik_runtime.errors import CannotStart, Unauthenticated

# What it is for -> bytes of signature. A mail address has room for 64 characters in all, and who
# guesses at it must send a mail for every guess: 80 bits are enough there.
PURPOSES: Final[Mapping[str, int]] = {
    "thread": 10,
    "bounce": 10,
    "customer-link": 16,
    "survey": 16,
}

_SECRET_BYTES = 32
_KEY_ID = re.compile(r"^[a-z0-9]$")
_TOKEN = re.compile(r"^[a-z0-9][a-z2-7]+$")
_IS_UUID = 1
_EXPIRES = 2
_EXPIRY_BYTES = 5


class KeyRingRefused(CannotStart):
    """The file of the key ring is not there or not what it should be."""


class KeyRing:
    """The keys that sign and verify."""

    def __init__(self, secrets_by_id: Mapping[str, bytes]) -> None:
        """Take the keys by their one-letter ids; the first one signs."""
        self._keys = dict(secrets_by_id)
        self._signing = next(iter(self._keys))

    @classmethod
    def load(cls, path: Path | None) -> "KeyRing":
        """Read the ring: JSON, `{"keys": [{"id": "b", "secret": "<64 hex digits>"}, ...]}`.

        Raises:
            KeyRingRefused: says what to do.
        """
        if path is None:
            raise KeyRingRefused("there is no key ring: set OTKLIK_KEY_RING_FILE")
        try:
            document = json.loads(path.read_text())
            keys = {str(key["id"]): bytes.fromhex(key["secret"]) for key in document["keys"]}
        except OSError as error:
            raise KeyRingRefused(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise KeyRingRefused(f"{path} is no key ring: it must be `{_form()}`") from error
        if not keys or len(keys) != len(document["keys"]):
            raise KeyRingRefused(f"{path} needs one key at least, each with an id of its own")
        for key_id, secret in keys.items():
            if not _KEY_ID.match(key_id) or len(secret) != _SECRET_BYTES:
                raise KeyRingRefused(
                    f"{path}: a key has one letter or digit as id and {2 * _SECRET_BYTES} hex "
                    "digits as secret",
                )
        return cls(keys)

    @staticmethod
    def generate(key_id: str = "a") -> str:
        """Make the text of a ring with one new key."""
        key = {"id": key_id, "secret": secrets.token_hex(_SECRET_BYTES)}
        return json.dumps({"keys": [key]}, indent=2) + "\n"

    def sign(self, purpose: str, subject: str, expires_at: datetime | None) -> str:
        """Make the token that proves: this subject, for this purpose, until then."""
        flags, body = _packed(subject)
        expiry = b""
        if expires_at is not None:
            flags |= _EXPIRES
            expiry = int(expires_at.timestamp()).to_bytes(_EXPIRY_BYTES)
        signed = bytes([flags]) + expiry + body
        mark = _mark(self._keys[self._signing], purpose, signed)
        return self._signing + base64.b32encode(signed + mark).decode().rstrip("=").lower()

    def verify(self, purpose: str, token: str, now: datetime) -> str:
        """Give the subject of a token, whatever the case of its letters has become.

        Raises:
            Unauthenticated: `link_invalid` or `link_expired`.
        """
        signed = self._checked(purpose, token.lower())
        flags, body = signed[0], signed[1:]
        if flags & _EXPIRES:
            expires_at = datetime.fromtimestamp(int.from_bytes(body[:_EXPIRY_BYTES]), UTC)
            body = body[_EXPIRY_BYTES:]
            if expires_at <= now:
                raise Unauthenticated(
                    "link_expired",
                    "this link has expired: ask for a new one",
                    expired_at=expires_at.isoformat(),
                )
        return str(UUID(bytes=body)) if flags & _IS_UUID else body.decode()

    def _checked(self, purpose: str, token: str) -> bytes:
        """Give what was signed, when the signature is ours."""
        if not _TOKEN.match(token) or token[0] not in self._keys:
            raise _invalid()
        text = token[1:].upper()
        try:
            whole = base64.b32decode(text + "=" * (-len(text) % 8))
        except binascii.Error:
            raise _invalid() from None
        size = PURPOSES[purpose]
        signed, mark = whole[:-size], whole[-size:]
        # The second half refuses other spellings of the same bytes: the last letter has spare bits.
        spelled = base64.b32encode(whole).decode().rstrip("=") == text
        if not (
            spelled and hmac.compare_digest(mark, _mark(self._keys[token[0]], purpose, signed))
        ):
            raise _invalid()
        return signed


def _packed(subject: str) -> tuple[int, bytes]:
    """Write a UUID in 16 bytes, anything else as it is."""
    try:
        value = UUID(subject)
    except ValueError:
        return 0, subject.encode()
    return (_IS_UUID, value.bytes) if str(value) == subject else (0, subject.encode())


def _mark(secret: bytes, purpose: str, signed: bytes) -> bytes:
    digest = hmac.digest(secret, purpose.encode() + b"\0" + signed, "sha256")
    return digest[: PURPOSES[purpose]]


def _invalid() -> Unauthenticated:
    return Unauthenticated(
        "link_invalid",
        "this link is not one of ours or was cut short: copy it whole, or ask for a new one",
    )


def _form() -> str:
    return '{"keys": [{"id": "a", "secret": "<64 hex digits>"}]}'
