"""Tickets and what belongs to them, as the desk's pages see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from otklik_desk.domain.texts import Text


class StateMeaning(StrEnum):
    """What a state means to clocks and lists."""

    OPEN = "open"
    WAITING_FOR_CUSTOMER = "waiting_for_customer"
    WAITING_FOR_SUPPLIER = "waiting_for_supplier"
    RESOLVED = "resolved"
    CLOSED = "closed"

    @property
    def over(self) -> bool:
        """Whether nobody has to do anything about such a ticket."""
        return self in (StateMeaning.RESOLVED, StateMeaning.CLOSED)


class AuthorKind(StrEnum):
    """Who wrote or did something."""

    AGENT = "agent"
    CUSTOMER = "customer"
    PARTNER = "partner"
    SERVICE = "service"


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """One act that the state matrix allows now."""

    act: str
    to_state: str
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """A customer's request."""

    id: str
    number: str
    conversation_id: str
    customer_name: str
    service: str
    request_type: str
    priority: str
    state: str
    meaning: StateMeaning
    subject: str
    assignee_id: str
    channel: str
    locale: str
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None = None
    last_customer_message: str = ""
    etag: str = ""
    moves: tuple[Move, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class TicketPage:
    """One page of a list."""

    tickets: Sequence[Ticket]
    next_token: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A file that came with a message."""

    id: str
    filename: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A message between desk and customer."""

    name: str
    author: AuthorKind
    author_name: str
    text: str
    at: datetime
    channel: str
    attachments: tuple[Attachment, ...] = ()
    delivery_state: str = ""

    @property
    def id(self) -> str:
        """The last part of its name."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A note for the desk only. It is another type than a message, so that it never becomes one."""

    id: str
    author_name: str
    text: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One change of a ticket, from its history."""

    version: int
    type: str
    at: datetime
    actor: AuthorKind
    actor_id: str
    changes: Mapping[str, str]

    def after(self, name: str) -> str:
        """Give what something was changed to; empty where it was not changed."""
        return self.changes.get(name, "").rpartition("-> ")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One text on its way to the customer."""

    id: str
    template: str
    channel: str
    address: str
    state: str
    at: datetime
    accepted_at: datetime | None = None
    in_doubt: bool = False
    error: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What the customer was asked after a resolution, and what the answer was."""

    state: str
    episode: int
    invited_at: datetime | None = None
    score: int = 0
    comment: str = ""
    rated_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestType:
    """What people call a kind of request and its states."""

    name: Text
    states: Mapping[str, Text]
