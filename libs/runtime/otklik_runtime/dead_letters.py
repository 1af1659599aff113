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

from otklik_runtime import ids, telemetry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

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
    on conflict do nothing
"""

# A dead version counts as seen, so that its successors are not held up, and what was built from it
# is stale.
_SEEN = """
    insert into seen_versions as s (owner, aggregate_id, version, stale) values ($1, $2::uuid,
    $3::bigint, true)
    on conflict (owner, aggregate_id) do update set version = greatest(s.version,
    excluded.version), stale = true
"""


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
    sequence = headers.get("ce-sequence", "0")
    version = int(sequence) if sequence.isdigit() else 0
    await execute(
        _INSERT,
        (
            ids.new_id(),
            letter.stream,
            letter.sequence,
            letter.subject,
            event_id,
            headers.get("ce-type", ""),
            aggregate_id,
            version,
            json.dumps(dict(headers)),
            letter.payload,
            letter.reason,
            letter.error,
            letter.delivery_count,
            headers.get("traceparent", ""),
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


def _uuid(text: str | None) -> str:
    with suppress(ValueError):
        return str(uuid.UUID(text or ""))
    return ""
