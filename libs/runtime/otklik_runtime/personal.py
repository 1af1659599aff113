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
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf.message import DecodeError, Message

from otklik.type.v1 import personal_pb2
from otklik_runtime import envelope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from sqlalchemy.ext.asyncio import AsyncConnection

_SALT_BYTES = 16

_EVENTS = """
    select position, type, payload from events
     where aggregate_id = any($1::uuid[]) and personal_salt is not null
     order by position for update
"""
_BLANK_EVENTS = """
    update events as e set payload = f.payload, personal_salt = null
      from unnest($1::bigint[], $2::bytea[]) as f (position, payload)
     where e.position = f.position
"""
_LETTERS = """
    select id, type, payload from dead_letters
     where aggregate_id = any($1::text[]) order by id for update
"""
_BLANK_LETTERS = """
    update dead_letters as d set payload = f.payload
      from unnest($1::uuid[], $2::bytea[]) as f (id, payload)
     where d.id = f.id
"""
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


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What was blanked: rows of the history, and dead letters."""

    events: int
    dead_letters: int


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


def facts_of(
    *,
    event_id: str,
    type_name: str,
    aggregate_id: str,
    version: int,
    occurred_at: datetime,
    recorded_at: datetime,
    actor: str,
    cause_id: str,
) -> str:
    """Write what an event row says besides its payload as one line, the same in every time zone."""
    instants = (instant.astimezone(UTC).isoformat() for instant in (occurred_at, recorded_at))
    return "|".join((event_id, type_name, aggregate_id, str(version), *instants, actor, cause_id))


def is_unchanged(row: Mapping[str, Any]) -> bool:
    """Say whether an event row is as it was written, or as erasure left it.

    Args:
        row: All columns of `events`.
    """
    message = _read(row["type"], row["payload"])
    if message is None:
        return False
    facts = facts_of(
        event_id=str(row["id"]),
        type_name=row["type"],
        aggregate_id=str(row["aggregate_id"]),
        version=row["version"],
        occurred_at=row["occurred_at"],
        recorded_at=row["recorded_at"],
        actor=row["actor"],
        cause_id=str(row["cause_id"] or ""),
    )
    digest, salt = row["personal_digest"], row["personal_salt"]
    if digest is not None and salt is None:
        return bool(row["audit_hash"] == audit_hash(message, facts, digest=digest))
    proof = fingerprint(message, facts, salt=salt)
    return (proof.audit_hash, proof.digest) == (row["audit_hash"], digest)


async def erase(connection: AsyncConnection, aggregate_ids: Sequence[str]) -> Receipt:
    """Blank what events and dead letters of these aggregates say about people, for ever.

    The salt goes too: what was there cannot even be guessed. The audit hash still holds.
    """
    wanted = list(aggregate_ids)
    events = await _blank_rows(connection, _EVENTS, _BLANK_EVENTS, wanted)
    letters = await _blank_rows(connection, _LETTERS, _BLANK_LETTERS, wanted)
    return Receipt(events=events, dead_letters=letters)


async def _blank_rows(
    connection: AsyncConnection, select: str, update: str, aggregate_ids: list[str]
) -> int:
    rows = await connection.exec_driver_sql(select, (aggregate_ids,))
    found: list[tuple[Any, str, bytes]] = [(key, kind, old) for key, kind, old in map(tuple, rows)]
    blanked = [_without_people(kind, old) for _, kind, old in found]
    await connection.exec_driver_sql(update, ([key for key, _, _ in found], blanked))
    return len(found)


def _without_people(type_name: str, payload: bytes) -> bytes:
    message = _read(type_name, payload)
    return b"" if message is None else _bytes(redacted(message))


def _read(type_name: str, payload: bytes) -> Message | None:
    try:
        return envelope.message_class(type_name).FromString(payload)
    except (KeyError, DecodeError):
        return None


def _bytes(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)


def _hash(*parts: bytes) -> bytes:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big"))
        whole.update(part)
    return whole.digest()
