"""What is true about asking customers: who is asked, what a rating is, and when it stands.

One survey for each resolution of a ticket (an *episode*). A rating can be given until the link
expires, and replaced within 72 hours after it was first given; then it stands.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from otklik_runtime.errors import InvalidInput, NotFound, RuleBroken, Unauthenticated
from otklik_runtime.ids import stable_id

SCORES = range(1, 6)
MAX_COMMENT_CHARACTERS = 4000
REPLACEABLE = timedelta(hours=72)
"""How long after the first rating another one replaces it."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class SurveyNotFound(NotFound):
    """There is no such survey."""

    def __init__(self, survey_id: str) -> None:
        super().__init__(
            "survey_not_found",
            "there is no such survey; take the name from ListSurveys",
            survey=survey_id,
        )


class RatingLinkInvalid(Unauthenticated):
    """The link was not made by us, or was cut short."""

    def __init__(self) -> None:
        super().__init__(
            "rating_link_invalid",
            "this rating link is not one of ours or was cut short: copy it whole from the mail",
        )


class RatingLinkExpired(Unauthenticated):
    """The time for this rating is over."""

    def __init__(self) -> None:
        super().__init__(
            "rating_link_expired",
            "the time for this rating is over: write to us instead, every message is read",
        )


class RatingSettled(RuleBroken):
    """The rating was given too long ago to be replaced."""

    def __init__(self) -> None:
        super().__init__(
            "rating_settled",
            "the rating was given more than 72 hours ago and stands: write to us instead",
        )


class State(StrEnum):
    """How a survey stands."""

    INVITED = "invited"
    RATED = "rated"
    SKIPPED = "skipped"


class SkipReason(StrEnum):
    """Why a customer was not asked."""

    NONE = ""
    AUTOMATIC = "automatic"
    NO_REPLY_ROUTE = "no_reply_route"


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where an invitation goes: over which channel, from which account, to which address."""

    channel: str
    account: str
    address: str


@dataclass(frozen=True, kw_only=True)
class Invite:
    """A ticket was resolved: ask for a rating, if somebody can be asked."""

    ticket_id: str
    ticket_number: str
    conversation_id: str
    episode: int
    customer_id: str
    agent_id: str
    locale: str
    route: Route | None
    subject: str
    in_reply_to: str
    automatic: bool


@dataclass(frozen=True, kw_only=True)
class EndEpisode:
    """A resolved ticket was reopened: that resolution is over."""

    ticket_id: str


@dataclass(frozen=True, kw_only=True)
class RememberTicket:
    """A ticket was opened."""

    ticket_id: str
    ticket_number: str
    conversation_id: str
    customer_id: str
    service: str
    channel: str
    opened_at: datetime


@dataclass(frozen=True, kw_only=True)
class CountReceived:
    """A message was received."""

    day: date
    channel: str
    service: str


@dataclass(frozen=True, kw_only=True)
class RememberBreach:
    """A clock of a ticket was breached."""

    clock_id: str
    ticket_id: str
    kind: str
    due_at: datetime


TicketCommand = Invite | EndEpisode | RememberTicket


@dataclass(frozen=True, kw_only=True)
class SurveyInvited:
    """A customer is to be asked for a rating."""

    survey_id: str
    ticket_id: str
    ticket_number: str
    conversation_id: str
    episode: int
    route: Route
    locale: str
    subject: str
    in_reply_to: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class RatingGiven:
    """A customer rated how a ticket was handled."""

    survey_id: str
    ticket_id: str
    conversation_id: str
    customer_id: str
    episode: int
    score: int
    comment: str
    agent_id: str


Event = SurveyInvited | RatingGiven


@dataclass(kw_only=True)
class Survey:
    """An invitation to rate one resolution of one ticket, and the rating once given.

    Attributes:
        id: Follows from ticket and episode, so there is one for each.
        invited_at: When the customer was asked; also when it was decided not to ask.
        settles_at: From when on a given rating stands.
        ended_at: When the ticket was reopened; the rating of that resolution can still be given.
    """

    id: str
    ticket_id: str
    ticket_number: str
    conversation_id: str
    customer_id: str
    agent_id: str
    episode: int
    locale: str
    state: State
    skip_reason: SkipReason
    invited_at: datetime
    expires_at: datetime
    score: int = 0
    comment: str = ""
    rated_at: datetime | None = None
    settles_at: datetime | None = None
    ended_at: datetime | None = None

    @classmethod
    def of(cls, command: Invite, now: datetime, *, life: timedelta) -> "Survey":
        """Decide whether to ask; who is not asked has a survey too, with the reason."""
        reason = _reason_to_skip(command)
        return cls(
            id=stable_id("feedback.survey", command.ticket_id, str(command.episode)),
            ticket_id=command.ticket_id,
            ticket_number=command.ticket_number,
            conversation_id=command.conversation_id,
            customer_id=command.customer_id,
            agent_id=command.agent_id,
            episode=command.episode,
            locale=command.locale,
            state=State.SKIPPED if reason else State.INVITED,
            skip_reason=reason,
            invited_at=now,
            expires_at=now + life,
        )

    def rate(self, score: int, comment: str, now: datetime) -> RatingGiven | None:
        """Take a rating; the same one again changes nothing, however late.

        Raises:
            InvalidInput: no such score, or a comment that is too long.
            RatingLinkExpired: the time for it is over.
            RatingSettled: another rating was given more than 72 hours ago.
        """
        comment = clean_comment(comment)
        if score not in SCORES:
            raise InvalidInput(
                "score_invalid", "choose a rating from 1 (very bad) to 5 (excellent)", field="score"
            )
        if self.state is State.RATED and (self.score, self.comment) == (score, comment):
            return None
        if self.expires_at <= now:
            raise RatingLinkExpired
        if self.is_settled(now):
            raise RatingSettled
        self.state = State.RATED
        self.score, self.comment, self.rated_at = score, comment, now
        self.settles_at = self.settles_at or now + REPLACEABLE
        return RatingGiven(
            survey_id=self.id,
            ticket_id=self.ticket_id,
            conversation_id=self.conversation_id,
            customer_id=self.customer_id,
            episode=self.episode,
            score=score,
            comment=comment,
            agent_id=self.agent_id,
        )

    def is_settled(self, now: datetime) -> bool:
        """Say whether a given rating stands by now."""
        return self.settles_at is not None and self.settles_at <= now

    def end(self, now: datetime) -> None:
        """Note that its resolution is over; only the first time counts."""
        self.ended_at = self.ended_at or now

    def invitation(self, command: Invite) -> SurveyInvited | None:
        """Say that the customer is asked, unless it was decided not to."""
        if self.state is State.SKIPPED or command.route is None:
            return None
        return SurveyInvited(
            survey_id=self.id,
            ticket_id=self.ticket_id,
            ticket_number=self.ticket_number,
            conversation_id=self.conversation_id,
            episode=self.episode,
            route=command.route,
            locale=self.locale,
            subject=command.subject,
            in_reply_to=command.in_reply_to,
            expires_at=self.expires_at,
        )


def clean_comment(text: str) -> str:
    """Return a comment with plain line ends and without control characters.

    Raises:
        InvalidInput: it is longer than 4000 characters.
    """
    comment = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if len(comment) > MAX_COMMENT_CHARACTERS:
        raise InvalidInput(
            "comment_too_long",
            f"the comment is longer than {MAX_COMMENT_CHARACTERS} characters: shorten it",
            field="comment",
        )
    return comment


def _reason_to_skip(command: Invite) -> SkipReason:
    if command.automatic:
        return SkipReason.AUTOMATIC
    if command.route is None or not command.route.address:
        return SkipReason.NO_REPLY_ROUTE
    return SkipReason.NONE
