"""Which event asks what of feedback, and the readers that hear them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from google.protobuf.message import Message

from otklik.intake.v1 import events_pb2 as intake
from otklik.sla.v1 import events_pb2 as sla
from otklik.tickets.v1 import events_pb2 as tickets
from otklik_feedback import handlers, wire
from otklik_feedback.domain import CountReceived, RememberBreach, TicketCommand
from otklik_feedback.entrypoints import counting
from otklik_feedback.ports import UnitOfWork
from otklik_runtime.bus import Bus
from otklik_runtime.database import Database, Transaction
from otklik_runtime.envelope import Incoming
from otklik_runtime.subscription import ReadEvents, Subscription

HEARD: Mapping[str, Mapping[type[Message], Callable[[Incoming], Any]]] = {
    "tickets": {
        tickets.TicketOpened: wire.remember_ticket,
        tickets.TicketResolved: wire.invite,
        tickets.TicketReopened: wire.end_episode,
    },
    "intake": {intake.MessageReceived: wire.count_received},
    "sla": {sla.ClockBreached: wire.remember_breach},
}
"""Owner -> event -> what it asks."""


def subscriptions(
    bus: Bus,
    database: Database,
    *,
    unit_of: Callable[[Transaction], UnitOfWork],
    survey_life: timedelta,
    readers: Mapping[str, ReadEvents],
) -> list[Subscription]:
    """Make one reader for each owner.

    Args:
        bus: The connection to NATS.
        database: Feedback's own.
        unit_of: Makes a unit of work of a transaction.
        survey_life: How long a rating link is good.
        readers: For each owner, how to ask it for events that never came.
    """

    async def invited(transaction: Transaction, commands: Sequence[TicketCommand]) -> None:
        surveys = await handlers.invite(unit_of(transaction), commands, life=survey_life)
        transaction.on_commit(lambda: counting.decided(surveys))

    async def counted(transaction: Transaction, commands: Sequence[CountReceived]) -> None:
        await handlers.count_received(unit_of(transaction), commands)

    async def remembered(transaction: Transaction, commands: Sequence[RememberBreach]) -> None:
        await handlers.remember_breaches(unit_of(transaction), commands)

    handle: Mapping[str, Any] = {"tickets": invited, "intake": counted, "sla": remembered}
    return [
        Subscription(
            bus=bus,
            database=database,
            reader="feedback",
            owner=owner,
            translate=translate,
            handle=handle[owner],
            read_events=readers.get(owner),
        )
        for owner, translate in HEARD.items()
    ]
