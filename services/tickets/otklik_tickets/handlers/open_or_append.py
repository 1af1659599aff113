"""Decide what received messages become: a new ticket, or one more message of one that exists.

Called by the subscription to intake with a batch of `MessageReceived`; says `TicketOpened`,
`MessageAppended` or `MessageRejected` for each, which intake's ledger waits for. Everything the
batch touches is read with one query a table and written with one statement a table; the rules run
in memory, in the order of the stream.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from otklik_runtime import ids
from otklik_tickets.domain import actors, events
from otklik_tickets.domain.catalogue import Catalogue, Service
from otklik_tickets.domain.channels import SENDER_NAMES_SERVICE, proves_writer
from otklik_tickets.domain.commands import HearMessage
from otklik_tickets.domain.customer import Customer
from otklik_tickets.domain.message import PublicMessage
from otklik_tickets.domain.participation import Conversations, Writer
from otklik_tickets.domain.ticket import Ticket
from otklik_tickets.handlers.writers import writers_of
from otklik_tickets.ports import UnitOfWork

SERVICE_NOT_FOUND = "service_not_found"


async def open_or_append(unit: UnitOfWork, heard: Sequence[HearMessage]) -> None:
    """Decide every message of the batch, keep the result and say it."""
    fresh = await _not_yet_known(unit, heard)
    if not fresh:
        return
    catalogue = await unit.desk.catalogue()
    accepted: list[HearMessage] = []
    for message in fresh:
        if _names_unknown_service(message, catalogue):
            unit.record(_rejection(message))
        else:
            accepted.append(message)
    if not accepted:
        return
    tickets = await unit.tickets.lock_conversations({each.conversation_id for each in accepted})
    customers = await writers_of(unit, accepted)
    desk = _Desk(unit=unit, catalogue=catalogue, conversations=Conversations(tickets))
    routes = [
        desk.route(message, customer) for message, customer in zip(accepted, customers, strict=True)
    ]
    await _number([route.ticket for route in routes if route.opens], unit)
    for route in routes:
        desk.follow(route)
    await _keep(unit, routes)


async def _not_yet_known(unit: UnitOfWork, heard: Sequence[HearMessage]) -> list[HearMessage]:
    """Leave out items that became messages before: a dead letter may be replayed by hand."""
    known = await unit.tickets.known_messages({each.item_id for each in heard})
    return [each for each in heard if each.item_id not in known] if known else list(heard)


def _names_unknown_service(message: HearMessage, catalogue: Catalogue) -> bool:
    """Only a partner is told no: it named the service itself and hears about it.

    For anybody else a name nobody knows is as good as none, and the message is classified without
    it.
    """
    return bool(
        message.partner_id and message.service and message.service not in catalogue.services
    )


def _rejection(message: HearMessage) -> events.MessageRejected:
    return events.MessageRejected(
        occurred_at=message.received_at,
        actor=actors.THIS_SERVICE,
        cause=message.cause,
        conversation_id=message.conversation_id,
        item_id=message.item_id,
        reason=SERVICE_NOT_FOUND,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Route:
    """Where a message goes: to a ticket that it opens, or to one it is appended to."""

    message: HearMessage
    customer: Customer
    ticket: Ticket
    public: PublicMessage
    opens: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Desk:
    """What the decisions of one batch are made with."""

    unit: UnitOfWork
    catalogue: Catalogue
    conversations: Conversations

    def route(self, message: HearMessage, customer: Customer) -> _Route:
        """Find the message's ticket, or make it. No ticket is changed yet.

        Following an earlier route of the batch opens no closed ticket and moves nobody, so every
        message may be routed before the first one is followed.
        """
        writer = Writer(
            customer_id=customer.id,
            partner_id=message.partner_id,
            proven=proves_writer(message.channel),
        )
        home = self.conversations.home(message.conversation_id, writer, automatic=message.automatic)
        ticket = home or self._opened(message, customer)
        return _Route(
            message=message,
            customer=customer,
            ticket=ticket,
            public=_public_message(message, customer, ticket.id),
            opens=home is None,
        )

    def follow(self, route: _Route) -> None:
        """Do with the ticket what the message does to it, and say so."""
        message, ticket = route.message, route.ticket
        if route.opens:
            service = self.catalogue.services[ticket.service]
            self.unit.record(
                ticket.opened(
                    actor=route.public.author,
                    segment=self.catalogue.segment_of(route.customer.segment).name,
                    service_display_name=service.display_name.in_language(ticket.locale),
                    item_id=message.item_id,
                    cause=message.cause,
                )
            )
            return
        said = ticket.append(
            route.public,
            item_id=message.item_id,
            internet_message_id=message.internet_message_id,
            reply_route=message.reply_route,
            matrix=self.catalogue.matrix(ticket.request_type),
            now=self.unit.now,
            cause=message.cause,
        )
        for event in said:
            self.unit.record(event)

    def _opened(self, message: HearMessage, customer: Customer) -> Ticket:
        service = _service_of(message, self.catalogue)
        refused = self.conversations.exists(message.conversation_id)
        ticket = Ticket.open(
            ticket_id=ids.new_id(),
            conversation_id=ids.new_id() if refused else message.conversation_id,
            proposed_conversation_id=message.conversation_id if refused else "",
            customer_id=customer.id,
            partner_id=message.partner_id,
            classification=self.catalogue.classify(service, segment=customer.segment),
            subject=message.subject,
            channel=message.channel,
            locale=customer.locale or message.locale,
            reply_route=message.reply_route,
            internet_message_id=message.internet_message_id,
            message_id=message.item_id,
            automatic=message.automatic,
            received_at=message.received_at,
            now=self.unit.now,
        )
        self.conversations.add(ticket)
        return ticket


async def _number(opened: Sequence[Ticket], unit: UnitOfWork) -> None:
    if opened:
        numbers = await unit.tickets.numbers(len(opened))
        for ticket, number in zip(opened, numbers, strict=True):
            ticket.number = number


async def _keep(unit: UnitOfWork, routes: Sequence[_Route]) -> None:
    opened = {route.ticket.id: route.ticket for route in routes if route.opens}
    changed = {route.ticket.id: route.ticket for route in routes if route.ticket.id not in opened}
    if opened:
        await unit.tickets.add(list(opened.values()))
    if changed:
        await unit.tickets.save(list(changed.values()))
    await unit.tickets.add_messages([route.public for route in routes])


def _service_of(message: HearMessage, catalogue: Catalogue) -> Service:
    """The service a message is about.

    What the sender said wins; then the longest keyword in what was written; then what the account
    it came to is for; then the service that has no keywords.
    """
    given = catalogue.services.get(message.service)
    if given is not None and message.channel in SENDER_NAMES_SERVICE:
        return given
    found = catalogue.service_by_keywords(f"{message.subject}\n{message.text}")
    return found or given or catalogue.catch_all()


def _author(message: HearMessage, customer: Customer) -> actors.Actor:
    if message.partner_id and not message.sender_address:
        return actors.partner(message.partner_id)
    return actors.customer(customer.id)


def _public_message(message: HearMessage, customer: Customer, ticket_id: str) -> PublicMessage:
    return PublicMessage(
        id=message.item_id,
        ticket_id=ticket_id,
        author=_author(message, customer),
        author_display_name=message.sender_name or customer.display_name,
        text=message.text,
        created_at=message.received_at,
        channel=message.channel,
        attachments=message.attachments,
        automatic=message.automatic,
    )
