"""Which event asks what of notify, and the readers that hear them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message

from otklik.feedback.v1 import events_pb2 as feedback
from otklik.intake.v1 import events_pb2 as intake
from otklik.sla.v1 import events_pb2 as sla
from otklik.tickets.v1 import events_pb2 as tickets
from otklik_notify import wire
from otklik_notify.domain.commands import Command, RememberAccount
from otklik_notify.entrypoints import counting
from otklik_notify.handlers.remember_account import remember_accounts
from otklik_notify.handlers.tell import tell
from otklik_notify.ports import Desk, UnitOfWork
from otklik_runtime.bus import Bus
from otklik_runtime.database import Database, Transaction
from otklik_runtime.envelope import Incoming
from otklik_runtime.subscription import ReadEvents, Subscription

HEARD: Mapping[str, Mapping[type[Message], Callable[[Incoming], Any]]] = {
    "tickets": {
        tickets.TicketOpened: wire.acknowledge_ticket,
        tickets.MessageAppended: wire.remember_mail,
        tickets.MessageSent: wire.deliver_answer,
        tickets.TicketResolved: wire.tell_resolution,
    },
    "sla": {sla.ClocksArmed: wire.name_deadlines},
    "feedback": {feedback.SurveyInvited: wire.invite_to_rate},
    "intake": {intake.ChannelAccountChanged: wire.remember_account},
}
"""Owner -> event -> what it asks."""


def subscriptions(
    bus: Bus,
    database: Database,
    *,
    unit_of: Callable[[Transaction], UnitOfWork],
    desk: Desk,
    queued: Callable[[], None],
    readers: Mapping[str, ReadEvents],
) -> list[Subscription]:
    """Make one reader for each owner.

    Args:
        bus: The connection to NATS.
        database: Notify's own.
        unit_of: Makes a unit of work of a transaction.
        desk: What telling people needs.
        queued: Called after a commit that queued something.
        readers: For each owner, how to ask it for events that never came.
    """

    async def told(transaction: Transaction, commands: Sequence[Command]) -> None:
        result = await tell(unit_of(transaction), commands, desk)
        transaction.on_commit(lambda: counting.told(result))
        if result.queued:
            transaction.on_commit(queued)

    async def remembered(transaction: Transaction, commands: Sequence[RememberAccount]) -> None:
        await remember_accounts(unit_of(transaction), commands)

    return [
        Subscription(
            bus=bus,
            database=database,
            reader="notify",
            owner=owner,
            translate=translate,
            handle=remembered if owner == "intake" else told,
            read_events=readers.get(owner),
        )
        for owner, translate in HEARD.items()
    ]
