"""Who does things: people, partner systems and Otklik's own services."""

from dataclasses import dataclass
from enum import IntEnum


class ActorKind(IntEnum):
    """The kinds of actor; the numbers are those of `otklik.type.v1.ActorKind`."""

    AGENT = 1
    CUSTOMER = 2
    PARTNER = 3
    SERVICE = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """One who acts."""

    kind: ActorKind
    id: str = ""

    def __str__(self) -> str:
        return f"{self.kind.name.lower()}/{self.id}"


THIS_SERVICE = Actor(kind=ActorKind.SERVICE, id="tickets")


def customer(customer_id: str) -> Actor:
    """The customer with this id."""
    return Actor(kind=ActorKind.CUSTOMER, id=customer_id)


def agent(agent_id: str) -> Actor:
    """The agent with this id."""
    return Actor(kind=ActorKind.AGENT, id=agent_id)


def partner(partner_id: str) -> Actor:
    """The partner with this id."""
    return Actor(kind=ActorKind.PARTNER, id=partner_id)
