"""What is found in the end: plain facts from five databases, the broker and the mailbox.

The checker sees nothing else, so that it can be proven without starting anything.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

Versions = Mapping[str, int]
"""Aggregate -> newest version."""


@dataclass(frozen=True, kw_only=True)
class History:
    """One owner's events.

    Attributes:
        versions: aggregate -> every version there is a row for, in order of position.
        heads: aggregate -> the newest version by the owner's own account.
        unpublished: rows that wait for the relay.
    """

    versions: Mapping[str, tuple[int, ...]]
    heads: Versions
    unpublished: int = 0


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One mail as notify has it in its books."""

    message_id: str
    template: str
    ticket_id: str
    state: str
    in_doubt: bool


@dataclass(frozen=True, kw_only=True)
class Item:
    """One line of intake's ledger; the token is empty where its subject has none."""

    state: str
    ticket_id: str = ""
    token: str = ""


@dataclass(frozen=True, kw_only=True)
class Message:
    """One public message: of which ticket, and the token in it."""

    ticket_id: str
    token: str


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """An event that was set aside."""

    service: str
    stream: str
    reason: str
    subject: str = ""


@dataclass(frozen=True, kw_only=True)
class Projection:
    """What a reader keeps of an owner: as the owner's history makes it, and as it is."""

    expected: Mapping[str, str]
    found: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Readings:
    """Everything that was found.

    Attributes:
        items: intake's ledger.
        tickets: ticket id -> the token in its subject.
        messages: the public messages that carry a token.
        armed: ticket id -> how many ClocksArmed were said for it.
        deliveries: notify's books.
        mails: Message-ID -> how often the mailbox took it.
        histories: owner -> its events.
        seen: (reader, owner) -> what the reader has seen.
        projections: what readers keep of what they heard, by name.
        dead: every dead letter, in whatever state.
    """

    items: tuple[Item, ...] = ()
    tickets: Mapping[str, str] = field(default_factory=dict)
    messages: tuple[Message, ...] = ()
    armed: Counter[str] = field(default_factory=Counter)
    deliveries: tuple[Delivery, ...] = ()
    mails: Counter[str] = field(default_factory=Counter)
    histories: Mapping[str, History] = field(default_factory=dict)
    seen: Mapping[tuple[str, str], Versions] = field(default_factory=dict)
    projections: Mapping[str, Projection] = field(default_factory=dict)
    dead: tuple[DeadLetter, ...] = ()
