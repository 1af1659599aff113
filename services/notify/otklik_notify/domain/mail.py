"""A mail as data: what its envelope and headers say, and how a conversation stays one thread.

Everything here is fixed when the delivery is queued; sending it again sends the same mail.
Whatever comes from outside is cleaned here: a header is one line, a Message-ID is one word in angle
brackets.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from otklik_notify.domain.notices import Automatic

MAX_REFERENCES = 10
MAX_SUBJECT_CHARACTERS = 250
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SPACES = re.compile(r"\s+")
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{3,900}>")
_REPLY_PREFIX = re.compile(r"^(?:(?:re|ответ|отв|на|aw|sv)\s*(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Account:
    """A channel account that mail can leave from."""

    name: str
    channel: str
    address: str
    display_names: Mapping[str, str]
    reply_account: str = ""

    @property
    def domain(self) -> str:
        """Give the mail domain."""
        return self.address.rpartition("@")[2]

    @property
    def local_part(self) -> str:
        """Give what stands before the `@`, without a tag."""
        return self.address.rpartition("@")[0].partition("+")[0]

    def tagged(self, local_part: str, token: str) -> str:
        """Make an address of this account's domain that carries a token: `local+token@domain`."""
        return f"{local_part}+{token}@{self.domain}"


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One mail, ready to be put on the wire again and again."""

    recipient: str
    envelope_sender: str
    from_name: str
    from_address: str
    reply_to: str
    subject: str
    text: str
    html: str
    internet_message_id: str
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    automatic: Automatic = Automatic.NO


@dataclass(kw_only=True)
class Thread:
    """The Message-IDs of one conversation, so that mail programs show it as one.

    Attributes:
        message_ids: Of both sides, oldest first, the middle forgotten.
        newest_customer_mail: What the next mail replies to.
    """

    conversation_id: str
    message_ids: list[str] = field(default_factory=list)
    newest_customer_mail: str = ""

    def hear(self, internet_message_id: str) -> None:
        """Add a mail of the customer; a Message-ID that is none is forgotten."""
        known = usable_message_id(internet_message_id)
        if known:
            self.newest_customer_mail = known
            self._add(known)

    def say(self, internet_message_id: str) -> None:
        """Add a mail of ours."""
        self._add(internet_message_id)

    def parent(self, in_reply_to: str) -> str:
        """Choose the mail to reply to: the one named, the customer's newest, our first."""
        first = self.message_ids[0] if self.message_ids else ""
        return usable_message_id(in_reply_to) or self.newest_customer_mail or first

    def references(self, parent: str) -> tuple[str, ...]:
        """List what led to a mail that replies to `parent`, which comes last (RFC 5322, 3.6.4)."""
        if not parent:
            return ()
        if parent not in self.message_ids:
            return (*self.message_ids, parent)
        return tuple(self.message_ids[: self.message_ids.index(parent) + 1])

    def _add(self, internet_message_id: str) -> None:
        if internet_message_id in self.message_ids:
            return
        self.message_ids.append(internet_message_id)
        if len(self.message_ids) > MAX_REFERENCES:
            del self.message_ids[1]


def usable_message_id(text: str) -> str:
    """Return a Message-ID that may stand in a header, or nothing."""
    text = text.strip()
    return text if _MESSAGE_ID.fullmatch(text) else ""


def one_line(text: str, *, at_most: int = MAX_SUBJECT_CHARACTERS) -> str:
    """Make one header line of a text from outside: no control characters, single spaces."""
    line = _SPACES.sub(" ", _CONTROL.sub(" ", text)).strip()
    return line if len(line) <= at_most else line[: at_most - 1].rstrip() + "…"


def bare_subject(text: str) -> str:
    """Return a subject without the marks of earlier replies, which would pile up."""
    return _REPLY_PREFIX.sub("", one_line(text))
