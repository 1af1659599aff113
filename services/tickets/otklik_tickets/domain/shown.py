"""What lists and pages show: a ticket with what others know of it, and its history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from otklik_tickets.domain.lifecycle import StateMeaning, Transition
from otklik_tickets.domain.ticket import Ticket

Shown = TypeVar("Shown")


@dataclass(frozen=True, kw_only=True, slots=True)
class NextDeadline:
    """The soonest deadline among a ticket's running clocks."""

    clock: str
    due_at: datetime
    breached: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownTicket:
    """A ticket as it is shown, with what the reader may do with it; lists leave that out."""

    ticket: Ticket
    customer_display_name: str
    deadline: NextDeadline | None
    allowed: tuple[Transition, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[Shown]):
    """Some rows, and whether more come after them."""

    rows: Sequence[Shown]
    more: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Audience:
    """Whose tickets may be seen: everybody's, one conversation, or one partner's."""

    everything: bool = False
    conversation_id: str = ""
    partner_id: str = ""

    def may_see(self, ticket: Ticket) -> bool:
        """Whether this ticket may be shown to them."""
        if self.everything:
            return True
        if self.conversation_id:
            return ticket.conversation_id == self.conversation_id
        return bool(self.partner_id) and ticket.partner_id == self.partner_id


@dataclass(frozen=True, kw_only=True, slots=True)
class TicketFilter:
    """Which tickets a list shows; empty fields filter nothing."""

    meanings: tuple[StateMeaning, ...] = ()
    customer_id: str = ""
    assignee_id: str = ""
    number: str = ""
    conversation_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedEvent:
    """One event row of a conversation, still as it was written."""

    version: int
    type: str
    payload: bytes
    occurred_at: datetime
    recorded_at: datetime
    actor: str
