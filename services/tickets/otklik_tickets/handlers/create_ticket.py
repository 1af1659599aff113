"""Open a ticket on a customer's behalf: the agents' and partners' door, outside intake's ledger."""

from dataclasses import replace

from otklik_runtime import ids
from otklik_tickets.domain import actors
from otklik_tickets.domain.actors import ActorKind
from otklik_tickets.domain.channels import Channel, ReplyRoute
from otklik_tickets.domain.commands import CreateTicket
from otklik_tickets.domain.customer import Customer
from otklik_tickets.domain.errors import ServiceNotFound
from otklik_tickets.domain.message import PublicMessage
from otklik_tickets.domain.shown import ShownTicket
from otklik_tickets.domain.ticket import Ticket
from otklik_tickets.ports import UnitOfWork

_DEFAULT_LOCALE = "ru"

# By these a person can be written to; the first one the customer has wins.
_ANSWERED_BY = (Channel.EMAIL, Channel.TELEGRAM, Channel.WHATSAPP, Channel.VK)


async def create_ticket(unit: UnitOfWork, command: CreateTicket) -> ShownTicket:
    """Open the ticket and say `TicketOpened`; its conversation begins here."""
    customer = await unit.customers.get(command.customer_id)
    catalogue = await unit.desk.catalogue()
    service = catalogue.services.get(command.service)
    if service is None:
        raise ServiceNotFound(command.service)
    by_partner = command.opener.kind is ActorKind.PARTNER
    message_id = ids.new_id()
    ticket = Ticket.open(
        ticket_id=ids.new_id(),
        conversation_id=ids.new_id(),
        proposed_conversation_id="",
        customer_id=customer.id,
        partner_id=command.opener.id if by_partner else "",
        classification=catalogue.classify(
            service, segment=customer.segment, urgency=command.urgency
        ),
        subject=command.subject,
        channel=Channel.PARTNER_API if by_partner else Channel.PHONE,
        locale=command.locale or customer.locale or _DEFAULT_LOCALE,
        reply_route=_route_to(customer),
        internet_message_id="",
        message_id=message_id,
        automatic=False,
        received_at=unit.now,
        now=unit.now,
    )
    [ticket.number] = await unit.tickets.numbers(1)
    await unit.tickets.add([ticket])
    await unit.tickets.add_messages(
        [
            PublicMessage(
                id=message_id,
                ticket_id=ticket.id,
                author=actors.customer(customer.id),
                author_display_name=customer.display_name,
                text=command.text,
                created_at=unit.now,
                channel=ticket.channel,
            )
        ]
    )
    unit.record(
        ticket.opened(
            actor=command.opener,
            segment=catalogue.segment_of(customer.segment).name,
            service_display_name=service.display_name.in_language(ticket.locale),
        )
    )
    allowed = catalogue.matrix(ticket.request_type).allowed(ticket.state, command.roles)
    return replace(await unit.tickets.shown(ticket), allowed=tuple(allowed))


def _route_to(customer: Customer) -> ReplyRoute | None:
    """The first proven address by which this customer can be answered."""
    for channel in _ANSWERED_BY:
        for identity in customer.identities:
            if identity.verified and identity.address.channel is channel:
                return ReplyRoute(channel=channel, address=identity.address.value)
    return None
