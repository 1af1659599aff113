"""The acknowledgement of a ticket: it waits for its deadline, but not for ever, and leaves once.

Two streams feed it: `TicketOpened` brings the number and the address, `ClocksArmed` the deadlines.
They come in any order. Whoever brings the second half releases the acknowledgement; when the clocks
do not come in time, a timer releases it without a deadline.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from otklik_notify.domain.commands import AcknowledgeTicket, Deadline
from otklik_notify.domain.notices import ACKNOWLEDGEMENT, CHANNELS, Notice


class Outcome(StrEnum):
    """What became of an acknowledgement."""

    WAITING = "waiting"
    SENT = "sent"
    SENT_WITHOUT_DEADLINE = "sent_without_deadline"
    NOT_WANTED_AUTOMATIC = "not_wanted_automatic"
    NOT_WANTED_NO_ROUTE = "not_wanted_no_route"
    NOT_WANTED_CHANNEL = "not_wanted_channel"


@dataclass(frozen=True, kw_only=True)
class Half:
    """What one event knows of a ticket's acknowledgement."""

    ticket_id: str
    conversation_id: str
    opened: AcknowledgeTicket | None = None
    deadlines: Sequence[Deadline] | None = None
    due_at: datetime | None = None

    def with_other(self, other: "Half") -> "Half":
        """Put together what two events of one batch know."""
        return replace(
            self,
            opened=self.opened or other.opened,
            deadlines=self.deadlines if self.deadlines is not None else other.deadlines,
            due_at=self.due_at or other.due_at,
        )


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """One ticket's acknowledgement; there is one for each ticket and never another.

    Attributes:
        ticket_id: The ticket.
        conversation_id: Its conversation.
        opened: What the mail needs; None until `TicketOpened` is heard, and again once settled.
        deadlines: What was promised; None until `ClocksArmed` is heard.
        due_at: When it leaves without a deadline; None until `TicketOpened` is heard.
        outcome: What became of it.
    """

    ticket_id: str
    conversation_id: str
    opened: AcknowledgeTicket | None = None
    deadlines: tuple[Deadline, ...] | None = None
    due_at: datetime | None = None
    outcome: Outcome = Outcome.WAITING

    def joined(self, half: Half) -> "Acknowledgement":
        """Add what another event knows; what is known already, and what is settled, stays."""
        if self.outcome is not Outcome.WAITING:
            return self
        deadlines = None if half.deadlines is None else tuple(half.deadlines)
        return replace(
            self,
            opened=self.opened or half.opened,
            deadlines=self.deadlines if self.deadlines is not None else deadlines,
            due_at=self.due_at or half.due_at,
        )

    def settled(self, now: datetime) -> "Acknowledgement":
        """Decide what becomes of it at this moment; waiting may still be right."""
        if self.outcome is not Outcome.WAITING or self.opened is None:
            return self
        return replace(self, outcome=self._outcome(self.opened, now))

    def notice(self) -> Notice:
        """Say what leaves; only a sent one has that."""
        if self.opened is None:
            message = "an acknowledgement without its ticket cannot leave"
            raise ValueError(message)
        opened = self.opened
        deadlines = {
            deadline.kind: deadline
            for deadline in (self.deadlines or ())
            if self.outcome is Outcome.SENT
        }
        return Notice(
            template=ACKNOWLEDGEMENT,
            about_id=self.ticket_id,
            conversation_id=self.conversation_id,
            number=opened.number,
            locale=opened.locale,
            route=opened.route,
            subject=opened.subject,
            in_reply_to=opened.internet_message_id,
            facts={
                "service": opened.service,
                "first_response": deadlines.get("first_response"),
                "resolution": deadlines.get("resolution"),
            },
            traceparent=opened.traceparent,
        )

    def _outcome(self, opened: AcknowledgeTicket, now: datetime) -> Outcome:
        if opened.automatic:
            return Outcome.NOT_WANTED_AUTOMATIC
        if opened.route is None or not opened.route.address:
            return Outcome.NOT_WANTED_NO_ROUTE
        if opened.route.channel not in CHANNELS:
            return Outcome.NOT_WANTED_CHANNEL
        if self.deadlines is not None:
            return Outcome.SENT
        if self.due_at is not None and self.due_at <= now:
            return Outcome.SENT_WITHOUT_DEADLINE
        return Outcome.WAITING
