"""`otklik.ops.v1.OpsService`, the same in every service: its dead letters and its history."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc

from otklik.ops.v1 import ops_service_pb2 as pb
from otklik.ops.v1.ops_service_pb2_grpc import OpsServiceServicer
from otklik_runtime import envelope, history, ids, instants, pages
from otklik_runtime.dead_letters import OUTBOX
from otklik_runtime.errors import NotFound, RuleBroken, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from otklik.ops.v1.ops_service_pb2_grpc import OpsServiceAsyncStub
    from otklik_runtime.database import Database, Transaction
    from otklik_runtime.subscription import ReadEvents, Subscription

_GAP_SECONDS = 5.0

_COLUMNS = """
    id::text, state, stream, sequence, subject, coalesce(event_id::text, ''), type, aggregate_id,
    headers::text, reason,
    error, delivery_count, created_at, settled_at, coalesce(discard_reason, '')
"""
_LIST = f"""
    select {_COLUMNS} from dead_letters where state = $1 and id < $2::uuid order by id desc limit $3
"""  # noqa: S608 - columns of this file
_GET = f"select {_COLUMNS}, payload from dead_letters where id = $1::uuid"  # noqa: S608 - columns of this file
_SETTLE = """
    update dead_letters set state = $2, settled_at = $3::timestamptz, discard_reason = nullif($4,
    '') where id = $1::uuid
"""
_NEWEST = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_NOTHING = "00000000-0000-0000-0000-000000000000"
_STATES = {
    pb.DEAD_LETTER_STATE_UNSPECIFIED: "open",
    pb.DEAD_LETTER_STATE_OPEN: "open",
    pb.DEAD_LETTER_STATE_REPLAYED: "replayed",
    pb.DEAD_LETTER_STATE_DISCARDED: "discarded",
}


class OpsService(OpsServiceServicer):
    """Shows what was set aside, lets it be settled, and reads the history back."""

    def __init__(self, database: Database, subscriptions: Sequence[Subscription] = ()) -> None:
        """Serve one service's tables.

        Args:
            database: The service's own.
            subscriptions: Its readers: they handle the letters that are replayed.
        """
        self._database = database
        self._subscriptions = {subscription.stream: subscription for subscription in subscriptions}

    async def ListDeadLetters(
        self, request: pb.ListDeadLettersRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.ListDeadLettersResponse:
        """List dead letters, newest first."""
        size = pages.size(request)
        place = pages.place(request, parts=1)
        before = pages.identifier(place[0]) if place else _NEWEST
        async with self._database.read() as connection:
            rows = (
                await connection.exec_driver_sql(_LIST, (_STATES[request.state], before, size + 1))
            ).all()
        more = len(rows) > size
        return pb.ListDeadLettersResponse(
            dead_letters=[_letter(row) for row in rows[:size]],
            next_page_token=pages.token(request, rows[size - 1][0]) if more else "",
        )

    async def GetDeadLetter(
        self, request: pb.GetDeadLetterRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.DeadLetter:
        """Show one dead letter with its bytes."""
        async with self._database.read() as connection:
            return await _get(connection, request.name)

    async def ReplayDeadLetter(
        self, request: pb.ReplayDeadLetterRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.DeadLetter:
        """Hand the original message to its handler again."""
        async with self._database.transaction() as transaction:
            letter = await _open(transaction, request.name)
            if letter.stream == OUTBOX:
                await transaction.connection.exec_driver_sql(
                    "update events set stream_sequence = null"
                    " where position = $1 and stream_sequence = 0",
                    (letter.sequence,),
                )
            else:
                await self._handle(transaction, letter)
            return await _settle(transaction, letter, state="replayed")

    async def DiscardDeadLetter(
        self, request: pb.DiscardDeadLetterRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.DeadLetter:
        """Decide that a dead letter will never be handled."""
        async with self._database.transaction() as transaction:
            letter = await _open(transaction, request.name)
            return await _settle(transaction, letter, state="discarded", reason=request.reason)

    async def ReadEvents(
        self, request: pb.ReadEventsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[pb.RecordedEvent]:
        """Stream the history up to what is there now."""
        events = history.read(
            self._database,
            after_position=request.after_position,
            aggregate_id=request.aggregate_id,
            after_version=request.after_version,
            limit=request.limit,
        )
        async for event in events:
            yield event

    async def _handle(self, transaction: Transaction, letter: pb.DeadLetter) -> None:
        subscription = self._subscriptions.get(letter.stream)
        if subscription is None:
            text = (
                f"nothing here reads {letter.stream} any more; discard the letter with that reason"
            )
            raise RuleBroken("no_reader", text)
        event = envelope.incoming(
            letter.headers,
            letter.payload,
            wanted=subscription.wanted,
            stream=letter.stream,
            sequence=letter.sequence,
            delivery_count=1,
        )
        await subscription.replay(transaction, event)


def reader_of_gaps(stub: OpsServiceAsyncStub, owner: str) -> ReadEvents:
    """Return what a subscription asks its owner with when events never came."""

    async def read_events(aggregate_id: str, after_version: int) -> list[pb.RecordedEvent]:
        request = pb.ReadEventsRequest(aggregate_id=aggregate_id, after_version=after_version)
        try:
            return [event async for event in stub.ReadEvents(request, timeout=_GAP_SECONDS)]
        except grpc.aio.AioRpcError as error:
            message = f"{owner} does not answer: {error.code().name}"
            raise Unavailable("owner_unavailable", message) from error

    return read_events


async def _get(connection: AsyncConnection, name: str) -> pb.DeadLetter:
    row = (await connection.exec_driver_sql(_GET, (_identifier(name),))).one_or_none()
    if row is None:
        raise NotFound(
            "dead_letter_not_found",
            "there is no such dead letter; list them to see which there are",
        )
    letter = _letter(row)
    letter.payload = row[-1]
    return letter


def _identifier(name: str) -> str:
    """Return the id in a name; one that nothing has where the name holds none."""
    identifier = name.removeprefix("deadLetters/")
    return identifier if ids.is_id(identifier) else _NOTHING


async def _open(transaction: Transaction, name: str) -> pb.DeadLetter:
    await transaction.connection.exec_driver_sql(
        "select 1 from dead_letters where id = $1::uuid for update", (_identifier(name),)
    )
    letter = await _get(transaction.connection, name)
    if letter.state != pb.DEAD_LETTER_STATE_OPEN:
        raise RuleBroken(
            "dead_letter_settled", "somebody has already replayed or discarded this letter"
        )
    return letter


async def _settle(
    transaction: Transaction, letter: pb.DeadLetter, *, state: str, reason: str = ""
) -> pb.DeadLetter:
    await transaction.connection.exec_driver_sql(
        _SETTLE, (_identifier(letter.name), state, transaction.now, reason)
    )
    return await _get(transaction.connection, letter.name)


def _letter(row: Sequence[Any]) -> pb.DeadLetter:
    return pb.DeadLetter(
        name=f"deadLetters/{row[0]}",
        state=pb.DeadLetterState.Value(f"DEAD_LETTER_STATE_{row[1].upper()}"),
        stream=row[2],
        sequence=row[3],
        subject=row[4],
        event_id=row[5],
        type=row[6],
        aggregate_id=row[7],
        headers=json.loads(row[8]),
        reason=row[9],
        error=row[10],
        delivery_count=row[11],
        create_time=instants.stamp(row[12]),
        settle_time=instants.stamp(row[13]),
        discard_reason=row[14],
    )
