"""What sla says: that a ticket's clocks are armed, and what happens to them later."""

from dataclasses import dataclass
from datetime import datetime

from otklik_sla.domain.clocks import Clock
from otklik_sla.domain.events import ClockFact
from otklik_sla.domain.replay import Arming


@dataclass(frozen=True, kw_only=True, slots=True)
class Armed:
    """Exactly one for each opened ticket: which clocks run, or why none does."""

    conversation_id: str
    ticket_id: str
    occurred_at: datetime
    arming: Arming
    policy: str
    clocks: tuple[Clock, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Happened:
    """Something happened to a clock of a ticket."""

    conversation_id: str
    ticket_id: str
    fact: ClockFact


TicketEvent = Armed | Happened
