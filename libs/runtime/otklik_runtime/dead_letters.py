"""Messages that a reader could not handle: a table in its own database, not a stream.

A dead letter keeps the original bytes and headers, says why, raises the metric
`otklik.dead_letters` and an alert, and
waits for a person: replay or discard.
"""

from __future__ import annotations

import json
import logging
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otklik_runtime import envelope, ids, instants, telemetry
from otklik_runtime.envelope import Recorded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from nats.aio.msg import Msg
    from sqlalchemy.ext.asyncio import AsyncConnection

    from otklik.ops.v1.ops_service_pb2 import RecordedEvent

    Execute = Callable[[str, tuple[Any, ...]], Awaitable[Any]]
    """Runs one statement: `AsyncConnection.exec_driver_sql`, or the same of a bare driver
    connection."""

_LOG = logging.getLogger(__name__)

OUTBOX = "outbox"
"""In place of a stream: the letter is an event of this service that the broker could never take."""

_INSERT = """
    insert into dead_letters (id, state, stream, sequence, subject, event_id, type, aggregate_id,
    version, headers, payload,
                              reason, error, delivery_count, traceparent, created_at)
    values ($1::uuid, 'open', $2, $3::bigint, $4, nullif($5, '')::uuid, $6, $7, $8::bigint,
    $9::jsonb, $10::bytea, $11,
            $12, $13::int, nullif($14, ''), $15::timestamptz)
    on conflict (stream, sequence, event_id) do update
      set state = 'open', settled_at = null, error = excluded.error
     where dead_letters.stream = 'outbox' and dead_letters.state = 'replayed'
"""

# A dead version counts as seen, so that its successors are not held up, and what was built from it
# is stale. Only when it is its turn: before that, versions that are still to come would count too
# (`inbox` steps over the dead one later).
_SEEN = """
    insert into seen_versions as s (owner, aggregate_id, version, stale)
    values ($1, $2::uuid, case when $3::bigint = 1 then 1 else 0 end, true)
    on conflict (owner, aggregate_id) do update
      set version = case when s.version = $3::bigint - 1 then $3::bigint else s.version end,
          stale = true
"""

_DEAD = """
    select aggregate_id, version from dead_letters
     where stream = $1 and aggregate_id = any($2::text[]) and version > 0
"""

_MAX_VERSION = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """What is kept of a message; `version` is 0 where it could not be read."""

    stream: str
    sequence: int
    subject: str
    headers: Mapping[str, str]
    payload: bytes
    reason: str
    error: str
    delivery_count: int


async def bury(execute: Execute, letter: DeadLetter, *, now: datetime, reader: str) -> None:
    """Keep a message that cannot be handled; once, however often it is delivered."""
    headers = letter.headers
    aggregate_id, event_id = _uuid(headers.get("ce-subject")), _uuid(headers.get("ce-id"))
    version = _version(headers.get("ce-sequence", ""))
    await execute(
        _INSERT,
        (
            ids.new_id(),
            letter.stream,
            letter.sequence,
            letter.subject,
            event_id,
            _storable(headers.get("ce-type", "")),
            aggregate_id,
            version,
            json.dumps({_storable(name): _storable(text) for name, text in headers.items()}),
            letter.payload,
            letter.reason,
            _storable(letter.error),
            letter.delivery_count,
            _storable(headers.get("traceparent", "")),
            now,
        ),
    )
    if letter.stream != OUTBOX and aggregate_id and version:
        owner = letter.stream.removeprefix("OTKLIK_").lower()
        await execute(_SEEN, (owner, aggregate_id, version))
    telemetry.count(
        "otklik.dead_letters", reader=reader, stream=letter.stream, reason=letter.reason
    )
    _LOG.error(
        "dead letter",
        extra={
            "stream": letter.stream,
            "sequence": letter.sequence,
            "type": headers.get("ce-type", ""),
            "reason": letter.reason,
        },
    )


async def dead_versions(
    connection: AsyncConnection, stream: str, aggregates: Sequence[str]
) -> set[tuple[str, int]]:
    """Return which (aggregate, version) of a stream were set aside."""
    rows = await connection.exec_driver_sql(_DEAD, (stream, list(aggregates)))
    return {(aggregate, version) for aggregate, version in map(tuple, rows)}


def of_message(raw: Msg, reason: str, error: str) -> DeadLetter:
    """Make a letter of a message as it was delivered."""
    return DeadLetter(
        stream=raw.metadata.stream,
        sequence=int(raw.metadata.sequence.stream),
        subject=raw.subject,
        headers=dict(raw.headers or {}),
        payload=raw.data,
        reason=reason,
        error=error,
        delivery_count=int(raw.metadata.num_delivered or 1),
    )


def of_recorded(event: RecordedEvent, owner: str, reason: str, error: str) -> DeadLetter:
    """Make a letter of an event that its owner read back."""
    recorded = Recorded(
        position=event.position,
        event_id=event.event_id,
        type=event.type,
        aggregate_id=event.aggregate_id,
        version=event.version,
        subject=event.subject,
        payload=event.payload,
        occurred_at=instants.read(event.occur_time),
        recorded_at=instants.read(event.record_time),
        actor=event.actor,
        cause_id="",
        traceparent=event.traceparent,
    )
    return DeadLetter(
        stream=envelope.stream_of(owner),
        sequence=0,
        subject=event.subject,
        headers=envelope.headers_of(recorded, owner),
        payload=event.payload,
        reason=reason,
        error=error,
        delivery_count=1,
    )


def _version(text: str) -> int:
    version = int(text) if text.isdecimal() else 0
    return version if version <= _MAX_VERSION else 0


def _storable(text: str) -> str:
    # The one character that PostgreSQL takes in no text.
    return text.replace("\0", "")


def _uuid(text: str | None) -> str:
    with suppress(ValueError):
        return str(uuid.UUID(text or ""))
    return ""
