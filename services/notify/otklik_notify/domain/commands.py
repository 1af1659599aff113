"""What other services' events ask of notify."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from otklik_notify.domain.notices import Notice, Route


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """Until when something is promised, and in which zone people are told of it."""

    kind: str
    due_at: datetime
    time_zone: str


@dataclass(frozen=True, kw_only=True)
class AcknowledgeTicket:
    """Confirm to the customer that the ticket exists, once its clocks are known."""

    ticket_id: str
    conversation_id: str
    number: str
    service: str
    locale: str
    route: Route | None
    subject: str
    internet_message_id: str
    automatic: bool
    traceparent: str = ""


@dataclass(frozen=True, kw_only=True)
class NameDeadlines:
    """Use these deadlines in the ticket's acknowledgement; there may be none."""

    ticket_id: str
    conversation_id: str
    deadlines: tuple[Deadline, ...]


@dataclass(frozen=True, kw_only=True)
class RememberMail:
    """The customer wrote: the next mail replies to this one."""

    conversation_id: str
    internet_message_id: str


@dataclass(frozen=True, kw_only=True)
class RememberAccount:
    """A channel account is as said here."""

    name: str
    channel: str
    address: str
    display_names: Mapping[str, str]
    reply_account: str


Command = AcknowledgeTicket | NameDeadlines | RememberMail | Notice
