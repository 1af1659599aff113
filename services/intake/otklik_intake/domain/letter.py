"""A message as its original says it: what the parser gives to the filters."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from otklik_intake.domain.addresses import Mailbox
from otklik_intake.domain.headers import unfolded
from otklik_intake.domain.submission import Submission


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file that came with a message; the content type is what the sender claims."""

    filename: str
    content_type: str
    content: bytes
    content_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """One mail. `headers` has lower-case names and every value, in order and still encoded.

    `text` is the plain body, or the words of the HTML body where there is no plain one.
    """

    headers: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    senders: tuple[Mailbox, ...] = ()
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    subject: str = ""
    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    date: str = ""
    text: str = ""
    html: str = ""
    files: tuple[File, ...] = ()

    def first(self, name: str) -> str:
        """Return the first value of a header, by its lower-case name; empty if it is absent."""
        values = self.headers.get(name)
        return unfolded(values[0]) if values else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unreadable:
    """An original that could not be read, and a stable word for why."""

    reason: str


Content = Letter | Submission | Unreadable
"""What an original turned out to be."""
