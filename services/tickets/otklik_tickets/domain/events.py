"""What tickets says: facts about tickets and customers, in the past tense.

Each knows the aggregate it belongs to (`aggregate_id`), when it happened, who made it happen, and
the id of the heard event that caused it, where one did.
"""

from dataclasses import dataclass
from datetime import datetime

from otklik_tickets.domain.actors import Actor
from otklik_tickets.domain.channels import Channel, ReplyRoute
from otklik_tickets.domain.customer import Customer
from otklik_tickets.domain.lifecycle import StateMeaning
from otklik_tickets.domain.priority import Priority


@dataclass(frozen=True, kw_only=True, slots=True)
class _Said:
    """What every fact knows."""

    occurred_at: datetime
    actor: Actor
    cause: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _InConversation(_Said):
    """A fact about one conversation."""

    conversation_id: str

    @property
    def aggregate_id(self) -> str:
        """Its subject ends in the conversation."""
        return self.conversation_id


@dataclass(frozen=True, kw_only=True, slots=True)
class TicketOpened(_InConversation):
    """A ticket was opened."""

    ticket_id: str
    number: str
    item_id: str = ""
    proposed_conversation_id: str = ""
    customer_id: str
    segment: str
    service: str
    service_display_name: str
    request_type: str
    priority: Priority
    channel: Channel
    reply_route: ReplyRoute | None
    locale: str
    subject: str
    automatic: bool = False
    internet_message_id: str = ""
    state: str
    message_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageAppended(_InConversation):
    """A customer's message was appended to a ticket."""

    ticket_id: str
    item_id: str
    message_id: str
    automatic: bool
    internet_message_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageRejected(_InConversation):
    """Tickets will neither open nor append this item."""

    item_id: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageSent(_InConversation):
    """An agent wrote to the customer."""

    ticket_id: str
    number: str
    message_id: str
    author_display_name: str
    text: str
    subject: str
    reply_route: ReplyRoute | None
    locale: str
    in_reply_to: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TicketAssigned(_InConversation):
    """A ticket was given to an agent, or taken."""

    ticket_id: str
    agent_id: str
    previous_agent_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TicketStateChanged(_InConversation):
    """A ticket moved in its state matrix, and was neither resolved nor reopened by it."""

    ticket_id: str
    act: str
    from_state: str
    to_state: str
    meaning: StateMeaning
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class TicketResolved(_InConversation):
    """A ticket was resolved."""

    ticket_id: str
    number: str
    episode: int
    customer_id: str
    agent_id: str
    resolution_text: str
    subject: str
    reply_route: ReplyRoute | None
    locale: str
    in_reply_to: str
    service: str
    state: str
    message_id: str
    author_display_name: str
    automatic: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class TicketReopened(_InConversation):
    """A resolved ticket was opened again."""

    ticket_id: str
    message_id: str
    state: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomerChanged(_Said):
    """A customer was added or changed."""

    customer: Customer

    @property
    def aggregate_id(self) -> str:
        """Its subject ends in the customer."""
        return self.customer.id


Event = (
    TicketOpened
    | MessageAppended
    | MessageRejected
    | MessageSent
    | TicketAssigned
    | TicketStateChanged
    | TicketResolved
    | TicketReopened
    | CustomerChanged
)
