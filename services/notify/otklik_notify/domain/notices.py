"""What is told, on which event, to whom: one table, and the notice that a row of it becomes.

Another mail is another row here and two text files, never another function.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from otklik_runtime.ids import stable_id


class Recipient(StrEnum):
    """Who is told."""

    CUSTOMER = "customer"


class Automatic(StrEnum):
    """Whether a machine writes, and on what occasion: the values of RFC 3834."""

    NO = ""
    REPLIED = "auto-replied"
    GENERATED = "auto-generated"


@dataclass(frozen=True, kw_only=True)
class Template:
    """One kind of text that leaves the desk.

    Attributes:
        key: The name of its files, of its subject in the catalogue, and in every event.
        event: The event that asks for it.
        recipient: Who gets it.
        automatic: Whether a machine writes it.
        about: What makes it one and the same: a public message is told once, whichever event
            carries it.
    """

    key: str
    event: str
    recipient: Recipient
    automatic: Automatic
    about: str


ACKNOWLEDGEMENT = Template(
    key="acknowledgement",
    event="TicketOpened",
    recipient=Recipient.CUSTOMER,
    automatic=Automatic.REPLIED,
    about="ticket",
)
ANSWER = Template(
    key="answer",
    event="MessageSent",
    recipient=Recipient.CUSTOMER,
    automatic=Automatic.NO,
    about="message",
)
RESOLUTION = Template(
    key="resolution",
    event="TicketResolved",
    recipient=Recipient.CUSTOMER,
    automatic=Automatic.NO,
    about="message",
)
SURVEY = Template(
    key="survey",
    event="SurveyInvited",
    recipient=Recipient.CUSTOMER,
    automatic=Automatic.GENERATED,
    about="survey",
)
TEMPLATES = (ACKNOWLEDGEMENT, ANSWER, RESOLUTION, SURVEY)

CHANNELS = frozenset({"email"})
"""The channels that something can be sent over."""

_MAX_ADDRESS_CHARACTERS = 254
_FORBIDDEN = r"\s@<>()\[\],;:\\\"\x00-\x20\x7f-\x9f"
_ADDRESS = re.compile(rf"[^{_FORBIDDEN}]{{1,64}}@[^{_FORBIDDEN}]+")


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where a notice goes: over which channel, from which account, to which address."""

    channel: str
    account: str
    address: str

    def obstacle(self) -> str:
        """Name what makes it impossible to write there; empty if nothing does."""
        if self.channel not in CHANNELS:
            return "channel_not_supported"
        if len(self.address) > _MAX_ADDRESS_CHARACTERS or not _ADDRESS.fullmatch(self.address):
            return "address_invalid"
        return ""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One thing to tell one customer.

    Attributes:
        template: Which text.
        about_id: The id of what it tells: the ticket, the public message or the survey.
        conversation_id: The conversation it belongs to.
        number: The ticket's number.
        locale: `ru` or `en`.
        route: Where it goes; None when there is nowhere to write to.
        subject: The ticket's subject, as the customer gave it.
        in_reply_to: The Message-ID of the customer's newest mail, if the event said it.
        message_id: The public message it carries; empty for automatic ones.
        facts: What the text says, by the names the template uses.
        traceparent: The trace it is told in.
    """

    template: Template
    about_id: str
    conversation_id: str
    number: str
    locale: str
    route: Route | None
    subject: str = ""
    in_reply_to: str = ""
    message_id: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    traceparent: str = ""

    @property
    def is_automatic(self) -> bool:
        """Say whether a machine writes it."""
        return self.template.automatic is not Automatic.NO

    @property
    def delivery_id(self) -> str:
        """Name the one delivery this notice can ever become."""
        return stable_id("notify.delivery", self.template.about, self.about_id)


BRAKE_PERIOD = timedelta(hours=24)
"""Over how long automatic mails to one address are counted."""


@dataclass(kw_only=True)
class Brake:
    """Ends loops between machines that no header betrays: so much to one address, and no more.

    Attributes:
        limit: How many automatic notices one address gets in a day.
        counts: How many each address has got.
    """

    limit: int
    counts: dict[str, int]

    def obstacle(self, notice: Notice) -> str:
        """Count an automatic notice, or name why it must not leave; a person's always may."""
        if notice.route is None or not notice.is_automatic:
            return ""
        count = self.counts.get(notice.route.address, 0)
        if count >= self.limit:
            return "too_many_automatic"
        self.counts[notice.route.address] = count + 1
        return ""
