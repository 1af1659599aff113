"""Time to visible: from the last byte of a mail to the readable ticket, and to the acknowledgement.

Readable means read: as soon as `TicketOpened` is told, the ticket is fetched over gRPC as an agent.
Committed means told by PostgreSQL at the commit: a trigger of the benchmark on notify's deliveries.
Both therefore include the way to whoever measures.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from nats.aio.msg import Msg

from otklik.tickets.v1 import events_pb2, ticket_service_pb2, ticket_service_pb2_grpc
from otklik_ops.permissions import FOLLOW
from otklik_runtime.bus import Bus
from tests.bench.corpus import Letter, token_of
from tests.bench.mailing import PostOffice
from tests.bench.running import RECIPIENT, Otklik
from tests.bench.settling import Books
from tools.local.callers import Callers
from tools.local.demo.stage import AGENT

_CHANNEL = "bench_deliveries"
_TRIGGER = f"""
    create or replace function {_CHANNEL}() returns trigger language plpgsql as $$
    begin
      perform pg_notify('{_CHANNEL}', in_reply_to) from added where template = 'acknowledgement';
      return null;
    end $$;
    create or replace trigger {_CHANNEL} after insert on deliveries
      referencing new table as added for each statement execute function {_CHANNEL}();
"""


@dataclass(frozen=True, kw_only=True)
class Visible:
    """How long it took, in milliseconds, for each new ticket."""

    readable: Sequence[float]
    acknowledged: Sequence[float]


@dataclass(kw_only=True)
class _Watch:
    """Notes when each token was seen first."""

    readable: dict[str, float] = field(default_factory=dict)
    acknowledged: dict[str, float] = field(default_factory=dict)
    reads: set[asyncio.Task[None]] = field(default_factory=set)

    def committed(self, *told: Any) -> None:
        """Take what PostgreSQL says: connection, process, channel, payload."""
        self.acknowledged.setdefault(token_of(told[-1]), time.monotonic())


async def measure_visible(
    otklik: Otklik,
    letters: Sequence[Letter],
    *,
    rate: float,
    advanced: Callable[[int], None] = lambda _: None,
) -> Visible:
    """Send so many mails a second and watch when each can be seen."""
    watch = _Watch()
    async with AsyncExitStack() as stack, Books(otklik) as books:
        await _listen(otklik, watch, stack)
        await _follow(otklik, watch, stack)
        before = await books.look()
        office = PostOffice(
            port=otklik.smtp_port,
            recipient=RECIPIENT,
            told=lambda _: advanced(len(watch.acknowledged)),
        )
        await office.send_at(letters, rate=rate)
        await books.settled(len(letters), before)
        while watch.reads:
            await asyncio.wait(set(watch.reads))
    left = {token: sent.handed_over for token, sent in office.sent.items()}
    return Visible(
        readable=_milliseconds(left, watch.readable),
        acknowledged=_milliseconds(left, watch.acknowledged),
    )


async def _listen(otklik: Otklik, watch: _Watch, stack: AsyncExitStack) -> None:
    connection = await otklik.database("notify")
    stack.push_async_callback(connection.close)
    await connection.execute(_TRIGGER)
    await connection.add_listener(_CHANNEL, watch.committed)


async def _follow(otklik: Otklik, watch: _Watch, stack: AsyncExitStack) -> None:
    callers = await stack.enter_async_context(Callers(otklik.stack.ports, otklik.stack.secrets))
    tickets: Any = await callers.person(AGENT, ticket_service_pb2_grpc.TicketServiceStub, "tickets")
    # The first call exchanges the token; it is nobody's ticket.
    await tickets.ListTickets(ticket_service_pb2.ListTicketsRequest(page_size=1))
    password = otklik.stack.secrets.nats_password(FOLLOW)
    bus = await Bus.open(otklik.stack.ports.nats_url, stack, user=FOLLOW, password=password)

    async def read(opened: events_pb2.TicketOpened) -> None:
        await tickets.GetTicket(
            ticket_service_pb2.GetTicketRequest(name=f"tickets/{opened.ticket_id}")
        )
        watch.readable.setdefault(token_of(opened.internet_message_id), time.monotonic())

    async def told(message: Msg) -> None:
        task = asyncio.create_task(read(events_pb2.TicketOpened.FromString(message.data)))
        watch.reads.add(task)
        task.add_done_callback(watch.reads.discard)

    await (await bus.client()).subscribe("otklik.tickets.v1.ticket_opened.*", cb=told)


def _milliseconds(left: dict[str, float], seen: dict[str, float]) -> list[float]:
    return [(seen[token] - left[token]) * 1000 for token in seen if token in left]
