"""What is written in a ticket: public messages, and notes for the desk only.

The two are different types, and nothing turns one into the other.
"""

from dataclasses import dataclass
from datetime import datetime

from otklik_tickets.domain.actors import Actor
from otklik_tickets.domain.channels import Channel

QUEUED = "queued"
ACCEPTED = "accepted"
FAILED = "failed"
IN_DOUBT = "in_doubt"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A file that travels with a message; intake keeps its bytes."""

    attachment: str
    filename: str
    content_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicMessage:
    """A message between desk and customer.

    A customer's message has the id of the ledger item it came as, so one item can never become two
    messages.
    """

    id: str
    ticket_id: str
    author: Actor
    author_display_name: str
    text: str
    created_at: datetime
    channel: Channel
    attachments: tuple[Attachment, ...] = ()
    automatic: bool = False
    delivery_state: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class InternalNote:
    """A note for the desk only."""

    id: str
    ticket_id: str
    author: Actor
    author_display_name: str
    text: str
    created_at: datetime
