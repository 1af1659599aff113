"""What sla can be told."""

from dataclasses import dataclass

from otklik_sla.domain.facts import Fact
from otklik_sla.domain.policy import Traits


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedTicket:
    """What an opened ticket is, as far as its clocks ask."""

    ticket_id: str
    traits: Traits


@dataclass(frozen=True, kw_only=True, slots=True)
class Hear:
    """Learn a fact about a conversation's ticket; `opened` comes with the first one."""

    conversation_id: str
    fact: Fact
    opened: OpenedTicket | None = None
