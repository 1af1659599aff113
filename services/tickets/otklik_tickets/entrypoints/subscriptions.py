"""What tickets hears: which event asks for what, and which verb does it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message

from otklik.intake.v1 import events_pb2 as intake
from otklik.notify.v1 import events_pb2 as notify
from otklik.sla.v1 import events_pb2 as sla
from otklik_runtime.bus import Bus
from otklik_runtime.database import Database, Transaction
from otklik_runtime.envelope import Incoming
from otklik_runtime.subscription import ReadEvents, Subscription
from otklik_tickets import handlers
from otklik_tickets.domain.commands import HearMessage, ShowClock, ShowDelivery
from otklik_tickets.ports import UnitOfWork
from otklik_tickets.wire import heard

HEARD: Mapping[str, Mapping[type[Message], Callable[[Incoming], Any]]] = {
    "intake": {intake.MessageReceived: heard.hear_message},
    "sla": {
        sla.ClocksArmed: heard.clocks_armed,
        sla.ClockStarted: heard.clock_runs,
        sla.ClockPaused: heard.clock_stands,
        sla.ClockResumed: heard.clock_runs,
        sla.ClockMet: heard.clock_stands,
        sla.ClockDeadlineMoved: heard.clock_runs,
        sla.ClockVerdictWithdrawn: heard.clock_runs,
        sla.ClockCancelled: heard.clock_stands,
        sla.ClockBreached: heard.clock_breached,
    },
    "notify": {
        notify.DeliveryAccepted: heard.delivery_accepted,
        notify.DeliveryFailed: heard.delivery_failed,
    },
}
"""Owner -> event -> what it asks."""


def subscriptions(
    bus: Bus,
    database: Database,
    *,
    unit_of: Callable[[Transaction], UnitOfWork],
    readers: Mapping[str, ReadEvents],
) -> list[Subscription]:
    """Make one reader for each owner.

    Args:
        bus: The connection to NATS.
        database: Tickets' own.
        unit_of: Makes a unit of work of a transaction.
        readers: For each owner, how to ask it for events that never came.
    """

    async def from_intake(transaction: Transaction, commands: Sequence[HearMessage]) -> None:
        await handlers.open_or_append(unit_of(transaction), commands)

    async def from_sla(transaction: Transaction, commands: Sequence[Sequence[ShowClock]]) -> None:
        await handlers.show_clocks(unit_of(transaction), commands)

    async def from_notify(transaction: Transaction, commands: Sequence[ShowDelivery]) -> None:
        await handlers.show_deliveries(unit_of(transaction), commands)

    handled: Mapping[str, Callable[[Transaction, Sequence[Any]], Any]] = {
        "intake": from_intake,
        "sla": from_sla,
        "notify": from_notify,
    }
    return [
        Subscription(
            bus=bus,
            database=database,
            reader="tickets",
            owner=owner,
            translate=translate,
            handle=handled[owner],
            read_events=readers.get(owner),
        )
        for owner, translate in HEARD.items()
    ]
