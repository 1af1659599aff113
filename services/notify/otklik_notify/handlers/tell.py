"""Tell customers what happened: events become acknowledgements and notices, notices become mails.

Called with a whole batch of one stream, in one transaction. Nothing leaves here: what is queued is
durable, and the sender carries it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from otklik_notify.domain.acknowledgement import Acknowledgement, Half, Outcome
from otklik_notify.domain.commands import AcknowledgeTicket, Command, NameDeadlines, RememberMail
from otklik_notify.domain.delivery import Delivery
from otklik_notify.domain.errors import AccountNotKnown
from otklik_notify.domain.events import DeliveryFailed
from otklik_notify.domain.mail import Mail, Thread
from otklik_notify.domain.notices import BRAKE_PERIOD, Brake, Notice, Route
from otklik_notify.handlers.compose import compose, undeliverable
from otklik_notify.ports import Desk, UnitOfWork

_SENT = frozenset({Outcome.SENT, Outcome.SENT_WITHOUT_DEADLINE})


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a unit has queued, for the one who counts.

    Attributes:
        queued: How many notices were asked for.
        failed: Why some of them can never leave.
        acknowledgements: What became of the acknowledgements that were settled.
    """

    queued: int = 0
    failed: tuple[str, ...] = ()
    acknowledgements: tuple[Outcome, ...] = ()


async def tell(unit: UnitOfWork, commands: Sequence[Command], desk: Desk) -> Told:
    """Do what a batch of events asks for, in stream order.

    Raises:
        AccountNotKnown: an account to send from has not been announced yet.
    """
    halves = [half for command in commands if (half := _half(unit, command, desk)) is not None]
    released, waiting = await _release(unit, halves)
    notices = list(_in_order(commands, released))
    accounts = [*(notice.route for notice in notices), *waiting]
    failed = await _queue(unit, notices, desk, routes=accounts, commands=commands)
    return Told(
        queued=len(notices),
        failed=failed,
        acknowledgements=tuple(each.outcome for each in released),
    )


async def acknowledge_overdue(unit: UnitOfWork, desk: Desk, limit: int) -> Told:
    """Let acknowledgements go whose clocks did not come in time, without a deadline."""
    due = await unit.acknowledgements.due(unit.now, limit)
    released = [each.settled(unit.now) for each in due]
    await unit.acknowledgements.settle(released)
    notices = [each.notice() for each in released if each.outcome in _SENT]
    routes = [notice.route for notice in notices]
    failed = await _queue(unit, notices, desk, routes=routes, commands=())
    return Told(
        queued=len(notices),
        failed=failed,
        acknowledgements=tuple(each.outcome for each in released),
    )


def _half(unit: UnitOfWork, command: Command, desk: Desk) -> Half | None:
    if isinstance(command, AcknowledgeTicket):
        return Half(
            ticket_id=command.ticket_id,
            conversation_id=command.conversation_id,
            opened=command,
            due_at=unit.now + desk.patience,
        )
    if isinstance(command, NameDeadlines):
        return Half(
            ticket_id=command.ticket_id,
            conversation_id=command.conversation_id,
            deadlines=command.deadlines,
        )
    return None


async def _release(
    unit: UnitOfWork, halves: Sequence[Half]
) -> tuple[list[Acknowledgement], list[Route | None]]:
    """Join the halves; return what is settled by them, and the routes of what still waits."""
    if not halves:
        return [], []
    by_ticket: dict[str, Half] = {}
    for half in halves:
        known = by_ticket.get(half.ticket_id)
        by_ticket[half.ticket_id] = half if known is None else known.with_other(half)
    joined = await unit.acknowledgements.join(list(by_ticket.values()))
    judged = [each.settled(unit.now) for each in joined if each.outcome is Outcome.WAITING]
    released = [each for each in judged if each.outcome is not Outcome.WAITING]
    await unit.acknowledgements.settle(released)
    waiting = [
        each.opened.route
        for each in judged
        if each.outcome is Outcome.WAITING and each.opened is not None
    ]
    return released, waiting


def _in_order(commands: Sequence[Command], released: Sequence[Acknowledgement]) -> Iterable[Notice]:
    """Put released acknowledgements where a half of theirs stood: before the answers."""
    ready = {each.ticket_id: each for each in released if each.outcome in _SENT}
    for command in commands:
        if isinstance(command, Notice):
            yield command
        elif isinstance(command, (AcknowledgeTicket, NameDeadlines)):
            acknowledgement = ready.pop(command.ticket_id, None)
            if acknowledgement is not None:
                yield acknowledgement.notice()


async def _queue(
    unit: UnitOfWork,
    notices: Sequence[Notice],
    desk: Desk,
    *,
    routes: Sequence[Route | None],
    commands: Sequence[Command],
) -> tuple[str, ...]:
    """Make mails of the notices and add them; return why some of them can never leave."""
    names = {route.account for route in routes if route is not None and not route.obstacle()}
    accounts = await unit.accounts.known(names) if names else {}
    for name in names:
        if name not in accounts:
            raise AccountNotKnown(name)
    threads = await _threads(unit, notices, commands)
    brake = await _brake(unit, notices, desk)
    queued: list[tuple[Delivery, Mail]] = []
    failed: dict[str, DeliveryFailed] = {}
    for notice in notices:
        if notice.route is None or not notice.route.address:
            continue
        obstacle = notice.route.obstacle() or brake.obstacle(notice)
        if obstacle:
            delivery, mail = undeliverable(notice, unit.now)
            failed[delivery.id] = delivery.fail(obstacle)
        else:
            thread = threads[notice.conversation_id]
            account = accounts[notice.route.account]
            delivery, mail = compose(notice, account, thread, desk, unit.now)
            thread.say(mail.internet_message_id)
        queued.append((delivery, mail))
    new = await unit.deliveries.add(queued) if queued else set()
    for delivery_id, event in failed.items():
        if delivery_id in new:
            unit.record(event)
    await unit.threads.save(list(threads.values()))
    return tuple(event.reason for event in failed.values())


async def _brake(unit: UnitOfWork, notices: Sequence[Notice], desk: Desk) -> Brake:
    addresses = {notice.route.address for notice in notices if notice.route and notice.is_automatic}
    counts: dict[str, int] = {}
    if addresses:
        counts = await unit.deliveries.automatic_since(addresses, unit.now - BRAKE_PERIOD)
    return Brake(limit=desk.automatic_limit, counts=counts)


async def _threads(
    unit: UnitOfWork, notices: Sequence[Notice], commands: Sequence[Command]
) -> dict[str, Thread]:
    heard: list[tuple[str, str]] = [
        (command.conversation_id, command.internet_message_id)
        for command in commands
        if isinstance(command, (AcknowledgeTicket, RememberMail)) and command.internet_message_id
    ]
    conversation_ids = {conversation_id for conversation_id, _ in heard}
    conversation_ids.update(notice.conversation_id for notice in notices)
    if not conversation_ids:
        return {}
    threads = await unit.threads.lock(conversation_ids)
    for conversation_id, internet_message_id in heard:
        threads[conversation_id].hear(internet_message_id)
    return threads
