"""Decide what received messages become: a new ticket, or one more message of one that exists.

Called by the subscription to intake with a batch of `MessageReceived`; says `TicketOpened`,
`MessageAppended` or `MessageRejected` for each, which intake's ledger waits for. Everything the
batch touches is read with one query a table and written with one statement a table; the rules run
in memory, in the order of the stream.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

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
    batch = _Batch(
        unit=unit,
        catalogue=catalogue,
        conversations=Conversations(tickets),
    )
    for message, customer in zip(accepted, customers, strict=True):
        batch.decide(message, customer)
    await batch.keep()


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


@dataclass(kw_only=True)
class _Batch:
    """The decisions about one batch, before they are kept."""

    unit: UnitOfWork
    catalogue: Catalogue
    conversations: Conversations
    opened: list[Ticket] = field(default_factory=list)
    changed: dict[str, Ticket] = field(default_factory=dict)
    messages: list[PublicMessage] = field(default_factory=list)
    said: list[events.Event] = field(default_factory=list)

    def decide(self, message: HearMessage, customer: Customer) -> None:
        """Append the message where its writer takes part, or open a ticket for it."""
        writer = Writer(
            customer_id=customer.id,
            partner_id=message.partner_id,
            proven=proves_writer(message.channel),
        )
        home = self.conversations.home(message.conversation_id, writer, automatic=message.automatic)
        if home is None:
            self._open(message, customer)
        else:
            self._append(message, customer, home)

    async def keep(self) -> None:
        """Number the new tickets, write everything and say it in the order it was decided."""
        if self.opened:
            numbers = await self.unit.tickets.numbers(len(self.opened))
            for ticket, number in zip(self.opened, numbers, strict=True):
                ticket.number = number
            await self.unit.tickets.add(self.opened)
        if self.changed:
            await self.unit.tickets.save(list(self.changed.values()))
        await self.unit.tickets.add_messages(self.messages)
        numbered = {ticket.id: ticket.number for ticket in self.opened}
        for event in self.said:
            if isinstance(event, events.TicketOpened):
                self.unit.record(replace(event, number=numbered[event.ticket_id]))
            else:
                self.unit.record(event)

    def _open(self, message: HearMessage, customer: Customer) -> None:
        service = _service_of(message, self.catalogue)
        classification = self.catalogue.classify(service, segment=customer.segment)
        refused = self.conversations.exists(message.conversation_id)
        ticket = Ticket.open(
            ticket_id=ids.new_id(),
            conversation_id=ids.new_id() if refused else message.conversation_id,
            proposed_conversation_id=message.conversation_id if refused else "",
            customer_id=customer.id,
            partner_id=message.partner_id,
            classification=classification,
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
        self.opened.append(ticket)
        self.conversations.add(ticket)
        self.messages.append(_public_message(message, customer, ticket.id))
        self.said.append(
            ticket.opened(
                actor=_author(message, customer),
                segment=self.catalogue.segment_of(customer.segment).name,
                service_display_name=service.display_name.in_language(ticket.locale),
                item_id=message.item_id,
                cause=message.cause,
            )
        )

    def _append(self, message: HearMessage, customer: Customer, ticket: Ticket) -> None:
        public = _public_message(message, customer, ticket.id)
        self.messages.append(public)
        self.said += ticket.append(
            public,
            item_id=message.item_id,
            internet_message_id=message.internet_message_id,
            reply_route=message.reply_route,
            matrix=self.catalogue.matrix(ticket.request_type),
            now=self.unit.now,
            cause=message.cause,
        )
        if ticket.number:
            self.changed[ticket.id] = ticket


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
