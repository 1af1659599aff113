"""Which event tells sla what, and the readers that hear them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message

from otklik.notify.v1 import events_pb2 as notify
from otklik.tickets.v1 import events_pb2 as tickets
from otklik_runtime.bus import Bus
from otklik_runtime.database import Database, Transaction
from otklik_runtime.envelope import Incoming
from otklik_runtime.subscription import ReadEvents, Subscription
from otklik_sla.domain.commands import Hear
from otklik_sla.handlers import hear
from otklik_sla.ports import UnitOfWork
from otklik_sla.wire import hearing

HEARD: Mapping[str, Mapping[type[Message], Callable[[Incoming], Any]]] = {
    "tickets": {
        tickets.TicketOpened: hearing.hear_opened,
        tickets.MessageAppended: hearing.hear_customer,
        tickets.MessageSent: hearing.hear_answer,
        tickets.TicketStateChanged: hearing.hear_state,
        tickets.TicketResolved: hearing.hear_resolved,
        tickets.TicketReopened: hearing.hear_reopened,
    },
    "notify": {
        notify.DeliveryAccepted: hearing.hear_accepted,
        notify.DeliveryFailed: hearing.hear_failed,
    },
}
"""Owner -> event -> the fact it is."""


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
        database: Sla's own.
        unit_of: Makes a unit of work of a transaction.
        readers: For each owner, how to ask it for events that never came.
    """

    async def heard(transaction: Transaction, commands: Sequence[Hear]) -> None:
        await hear(unit_of(transaction), commands)

    return [
        Subscription(
            bus=bus,
            database=database,
            reader="sla",
            owner=owner,
            translate=translate,
            handle=heard,
            read_events=readers.get(owner),
        )
        for owner, translate in HEARD.items()
    ]
