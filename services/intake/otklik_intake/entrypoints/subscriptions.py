"""What intake hears of tickets: how each item leaves pending.

The reader of `otklik.tickets.v1`: a table of events, and the one verb they all end in.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message

from otklik.tickets.v1 import events_pb2 as tickets
from otklik_intake import wire
from otklik_intake.domain.commands import SettleItem
from otklik_intake.handlers.settle_items import settle_items
from otklik_intake.ports import UnitOfWork
from otklik_runtime.bus import Bus
from otklik_runtime.database import Database, Transaction
from otklik_runtime.envelope import Incoming
from otklik_runtime.subscription import ReadEvents, Subscription

OWNER = "tickets"
HEARD: Mapping[type[Message], Callable[[Any], SettleItem | None]] = {
    tickets.TicketOpened: wire.settle_ticketed,
    tickets.MessageAppended: wire.settle_appended,
    tickets.MessageRejected: wire.settle_refused,
}
"""Event -> what it asks."""


def subscription(
    bus: Bus,
    database: Database,
    *,
    unit_of: Callable[[Transaction], UnitOfWork],
    read_events: ReadEvents | None,
) -> Subscription:
    """Make the reader of tickets' events.

    Args:
        bus: The connection to NATS.
        database: Intake's own.
        unit_of: Makes a unit of work of a transaction.
        read_events: Asks tickets for events that never came.
    """

    async def settled(transaction: Transaction, commands: Sequence[SettleItem]) -> None:
        await settle_items(unit_of(transaction), commands)

    return Subscription(
        bus=bus,
        database=database,
        reader="intake",
        owner=OWNER,
        translate={kind: _of_message(function) for kind, function in HEARD.items()},
        handle=settled,
        read_events=read_events,
    )


def _of_message(
    function: Callable[[Any], SettleItem | None],
) -> Callable[[Incoming], SettleItem | None]:
    def translate(event: Incoming) -> SettleItem | None:
        return function(event.message)

    return translate
