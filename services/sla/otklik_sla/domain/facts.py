"""What sla has heard of a ticket: facts, each with the moment it happened.

The clocks of a ticket are a function of its facts and of nothing else. Facts may come late, twice
and in any order.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from otklik_sla.domain.kinds import StateMeaning
from otklik_sla.domain.policy import Policy


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """Something that happened to a ticket.

    Attributes:
        fact_id: The same fact has the same id however often it is told.
        occurred_at: When it happened; for all that a customer's message causes, its receipt.
        sequence: The ticket's version that it made: what the desk knew when it acted. Either every
            fact of the ticket has one or none does; deliveries need none.
    """

    fact_id: str
    occurred_at: datetime
    sequence: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened(Fact):
    """A ticket was opened; `occurred_at` is the receipt of its first message.

    `outbound` says that an agent began it by writing to the customer: nobody waits for an answer.
    """

    outbound: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyApplied(Fact):
    """A policy was chosen for the ticket, or none matches.

    The first counts from the very beginning, whenever it was applied; the next ones are changes.
    """

    policy: Policy | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomerMessage(Fact):
    """The customer wrote again. What a machine wrote (`automatic`) moves no clock."""

    automatic: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentMessage(Fact):
    """A public message went to the customer; only a human one is an answer."""

    message_id: str
    human: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class StateChanged(Fact):
    """The ticket moved to a state with this meaning."""

    meaning: StateMeaning
    by_bot: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved(Fact):
    """The ticket was resolved; `message_id` is the public message that told the customer so."""

    message_id: str = ""
    by_bot: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Reopened(Fact):
    """A resolved ticket was opened again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryAccepted(Fact):
    """The receiving side took a delivery of a public message."""

    message_id: str
    delivery_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryFailed(Fact):
    """A delivery of a public message failed for good, or bounced hard."""

    message_id: str
    delivery_id: str = ""


# At one instant the customer's word comes last, so that nobody who wrote is thought to be waited
# for or answered by accident of order.
_ORDER: tuple[type[Fact], ...] = (
    Opened,
    PolicyApplied,
    AgentMessage,
    StateChanged,
    Resolved,
    Reopened,
    CustomerMessage,
    DeliveryFailed,
    DeliveryAccepted,
)
_RANK = {kind: rank for rank, kind in enumerate(_ORDER)}


def in_known_order(facts: Iterable[Fact]) -> list[Fact]:
    """Give each fact once, in the order in which the desk learned them.

    That is by version where facts have one, else by time.
    """
    once = {fact.fact_id: fact for fact in facts}
    return sorted(
        once.values(),
        key=lambda fact: (fact.sequence, fact.occurred_at, _RANK[type(fact)], fact.fact_id),
    )
