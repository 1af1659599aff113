"""The `personal` mark in code: find, blank, fingerprint and forget personal data.

Logs, spans and errors use `redacted`. Event rows carry an audit hash over the public part and a
salted digest of the
personal part: while the salt is there, the digest proves that nobody changed the personal part;
when a customer is
erased, payload and salt go and the audit hash still holds.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf.message import Message

from otklik.type.v1 import personal_pb2

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

_SALT_BYTES = 16
_M = TypeVar("_M", bound=Message)


@dataclass(frozen=True, kw_only=True)
class _Marks:
    """Where personal data sits in one message type."""

    fields: tuple[str, ...]
    nested: tuple[FieldDescriptor, ...]


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What proves an event row unchanged.

    `digest` and `salt` are None when the message has no personal part.
    """

    audit_hash: bytes
    digest: bytes | None
    salt: bytes | None


@cache
def _marks(descriptor: Descriptor) -> _Marks:
    fields: list[str] = []
    nested: list[FieldDescriptor] = []
    for field in descriptor.fields:
        if field.GetOptions().Extensions[personal_pb2.personal]:
            fields.append(field.name)
        elif field.message_type is not None and _holds_personal(field.message_type, ()):
            nested.append(field)
    return _Marks(fields=tuple(fields), nested=tuple(nested))


def _holds_personal(descriptor: Descriptor, above: tuple[str, ...]) -> bool:
    if descriptor.full_name in above:
        return False
    return any(
        field.GetOptions().Extensions[personal_pb2.personal]
        or (
            field.message_type is not None
            and _holds_personal(field.message_type, (*above, descriptor.full_name))
        )
        for field in descriptor.fields
    )


def has_personal(message: Message) -> bool:
    """Say whether messages of this type can hold personal data at all."""
    marks = _marks(message.DESCRIPTOR)
    return bool(marks.fields or marks.nested)


def redacted(message: _M) -> _M:
    """Return a copy without its personal fields, at any depth."""
    public = type(message)()
    public.CopyFrom(message)
    _blank(public)
    return public


def _blank(message: Message) -> None:
    marks = _marks(message.DESCRIPTOR)
    for name in marks.fields:
        message.ClearField(name)
    for field in marks.nested:
        for part in _parts(message, field):
            _blank(part)


def _parts(message: Message, field: FieldDescriptor) -> list[Any]:
    value = getattr(message, field.name)
    if not field.is_repeated:
        return [value] if message.HasField(field.name) else []
    if field.message_type and field.message_type.GetOptions().map_entry:
        return list(value.values())
    return list(value)


def fingerprint(message: Message, facts: str, *, salt: bytes | None = None) -> Fingerprint:
    """Fingerprint an event for its row.

    Args:
        message: The event.
        facts: Everything else that the row says and nobody may change, as one line.
        salt: The row's salt, to check a row; a fresh one otherwise.
    """
    if not has_personal(message):
        return Fingerprint(
            audit_hash=_hash(facts.encode(), _bytes(message)), digest=None, salt=None
        )
    salt = salt or secrets.token_bytes(_SALT_BYTES)
    digest = _hash(salt, _bytes(message))
    return Fingerprint(
        audit_hash=audit_hash(redacted(message), facts, digest=digest),
        digest=digest,
        salt=salt,
    )


def audit_hash(public: Message, facts: str, *, digest: bytes | None) -> bytes:
    """Return the hash over a row's public part: the same before and after erasure."""
    return _hash(facts.encode(), _bytes(public), digest or b"")


def _bytes(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)


def _hash(*parts: bytes) -> bytes:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big"))
        whole.update(part)
    return whole.digest()
