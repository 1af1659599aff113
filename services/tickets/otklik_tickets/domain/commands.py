"""What tickets can be asked to do."""

from dataclasses import dataclass
from datetime import datetime

from otklik_tickets.domain.actors import Actor
from otklik_tickets.domain.channels import Channel, ReplyRoute
from otklik_tickets.domain.customer import Identity
from otklik_tickets.domain.message import Attachment
from otklik_tickets.domain.priority import Level


@dataclass(frozen=True, kw_only=True, slots=True)
class HearMessage:
    """Decide what a received message becomes."""

    item_id: str
    conversation_id: str
    channel: Channel
    sender_address: str
    sender_name: str
    subject: str
    text: str
    attachments: tuple[Attachment, ...] = ()
    locale: str
    service: str
    received_at: datetime
    reply_route: ReplyRoute
    automatic: bool = False
    internet_message_id: str = ""
    partner_id: str = ""
    cause: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CreateTicket:
    """Open a ticket on a customer's behalf."""

    customer_id: str
    service: str
    subject: str
    text: str
    urgency: Level | None
    locale: str
    opener: Actor
    roles: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """Who acts on a ticket, and as what."""

    agent_id: str
    roles: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class SendPublicMessage:
    """Answer the customer."""

    ticket_id: str
    by: Worker
    text: str
    last_customer_message_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class AddInternalNote:
    """Write a note for the desk only."""

    ticket_id: str
    by: Worker
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TakeTicket:
    """Take a ticket into work."""

    ticket_id: str
    by: Worker
    etag: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolveTicket:
    """Say that the request is solved, and tell the customer how."""

    ticket_id: str
    by: Worker
    resolution_text: str
    etag: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class TransitionTicket:
    """Move a ticket along another edge of its state matrix."""

    ticket_id: str
    by: Worker
    act: str
    reason: str = ""
    etag: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CreateCustomer:
    """Add a customer that somebody vouches for."""

    display_name: str
    identities: tuple[Identity, ...]
    segment: str
    locale: str
    time_zone: str
    by: Actor


@dataclass(frozen=True, kw_only=True, slots=True)
class ShowClock:
    """Show how a clock of a ticket stands now; the newest word about a clock is the whole truth."""

    ticket_id: str
    kind: str
    instance: int
    due_at: datetime | None
    breached: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ShowDelivery:
    """Show how far a public message got on its way to the customer."""

    message_id: str
    delivery_state: str
