"""A service's own events, read back: to serve `ReadEvents`, to rebuild, to close a reader's gap.

The history is read up to a settled end: a position that no open transaction can still fill in
below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from otklik.ops.v1 import ops_service_pb2
from otklik_runtime import envelope, instants
from otklik_runtime.envelope import Incoming
from otklik_runtime.errors import InvalidInput
from otklik_runtime.recording import HISTORY_LOCK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from google.protobuf.message import Message

    from otklik_runtime.database import Database

PAGE = 500
_NO_END = 2**63 - 1

_PAGE_OF_ALL = """
    select position, id::text, type, aggregate_id::text, version, occurred_at, recorded_at,
    payload, subject,
           coalesce(traceparent, ''), actor
      from events where position > $1 and position <= $2 order by position limit $3
"""

_PAGE_OF_ONE = """
    select position, id::text, type, aggregate_id::text, version, occurred_at, recorded_at,
    payload, subject,
           coalesce(traceparent, ''), actor
      from events where aggregate_id = $4::uuid and version > $5 and position > $1 and position <=
      $2
     order by version limit $3
"""


async def settled_end(database: Database) -> int:
    """Return the highest position below which nothing can appear any more; 0 if empty."""
    async with database.transaction() as transaction:
        # Every writer of events holds this lock shared from before it takes positions until it
        # commits.
        await transaction.connection.exec_driver_sql(
            "select pg_advisory_xact_lock($1::bigint)", (HISTORY_LOCK,)
        )
        found = await transaction.connection.exec_driver_sql(
            "select coalesce(max(position), 0) from events"
        )
        return int(found.scalar_one())


async def read(
    database: Database, *, after_position: int, aggregate_id: str, after_version: int, limit: int
) -> AsyncIterator[ops_service_pb2.RecordedEvent]:
    """Yield events in order, of one aggregate or of all, up to the settled end.

    Versions of one aggregate are committed in their order: they need not wait for other writers.
    """
    end = _NO_END if aggregate_id else await settled_end(database)
    left = limit or None
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        async with database.read() as connection:
            if aggregate_id:
                values: tuple[object, ...] = (
                    after_position,
                    end,
                    size,
                    aggregate_id,
                    after_version,
                )
                rows = (await connection.exec_driver_sql(_PAGE_OF_ONE, values)).all()
            else:
                rows = (
                    await connection.exec_driver_sql(_PAGE_OF_ALL, (after_position, end, size))
                ).all()
        for row in rows:
            yield _event(row)
        if len(rows) < size:
            return
        after_position = rows[-1][0]
        left = None if left is None else left - len(rows)


def incoming(
    event: ops_service_pb2.RecordedEvent, *, wanted: Mapping[str, type[Message]], owner: str
) -> Incoming:
    """Turn an event that its owner read back into one that a reader can apply.

    Raises:
        InvalidInput: `undecodable`; the payload is not of its type.
    """
    found = wanted.get(event.type)
    try:
        message = found.FromString(event.payload) if found else envelope.NOTHING
    except DecodeError as error:
        text = f"the event cannot be read: {type(error).__name__}"
        raise InvalidInput("undecodable", text) from error
    return Incoming(
        event_id=event.event_id,
        type=event.type,
        message=message,
        aggregate_id=event.aggregate_id,
        version=event.version,
        occurred_at=instants.read(event.occur_time),
        recorded_at=instants.read(event.record_time),
        actor=event.actor,
        traceparent=event.traceparent,
        stream=envelope.stream_of(owner),
        sequence=0,
        delivery_count=1,
    )


def _event(row: Sequence[Any]) -> ops_service_pb2.RecordedEvent:
    (
        position,
        event_id,
        type_name,
        aggregate_id,
        version,
        occurred_at,
        recorded_at,
        payload,
        subject,
        trace,
        actor,
    ) = row
    return ops_service_pb2.RecordedEvent(
        position=position,
        event_id=event_id,
        type=type_name,
        aggregate_id=aggregate_id,
        version=version,
        occur_time=instants.stamp(occurred_at),
        record_time=instants.stamp(recorded_at),
        payload=payload,
        subject=subject,
        traceparent=trace,
        actor=actor,
    )
