"""What the verbs need: a unit of work with its collections, and who can check a rating link."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from otklik_feedback.domain import CountReceived, Event, RememberBreach, RememberTicket, Survey


class Links(Protocol):
    """Checks the tokens of rating links."""

    def survey_of(self, token: str, now: datetime) -> str:
        """Give the survey a link is for.

        Raises:
            RatingLinkInvalid: it is none of ours.
            RatingLinkExpired: its time is over.
        """
        ...


class Surveys(Protocol):
    """Every survey, one for each resolution of a ticket."""

    async def open_of(self, ticket_ids: Collection[str]) -> list[Survey]:
        """Lock and return those of these tickets whose resolution is not over."""
        ...

    async def lock(self, survey_id: str) -> Survey | None:
        """Lock and return one survey."""
        ...

    async def add(self, surveys: Sequence[Survey]) -> set[str]:
        """Add surveys that are not there yet; return the ids of those that were new."""
        ...

    async def save(self, surveys: Sequence[Survey]) -> None:
        """Write what may have changed."""
        ...


class Records(Protocol):
    """What reports are made of."""

    async def add_tickets(self, tickets: Sequence[RememberTicket]) -> None:
        """Remember who opened what."""
        ...

    async def count_received(self, counts: Mapping[CountReceived, int]) -> None:
        """Add to what was received on a day, by channel and service."""
        ...

    async def add_breaches(self, breaches: Sequence[RememberBreach]) -> None:
        """Remember which tickets were kept waiting."""
        ...


class UnitOfWork(Protocol):
    """One transaction: its moment, its collections, and what it says."""

    @property
    def now(self) -> datetime:
        """Give the one moment of this unit."""
        ...

    @property
    def surveys(self) -> Surveys:
        """Give the surveys."""
        ...

    @property
    def records(self) -> Records:
        """Give the records."""
        ...

    def record(self, event: Event) -> None:
        """Say that something happened, with this transaction or not at all."""
        ...


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place in the list of surveys, which is newest first."""

    invited_at: datetime
    survey_id: str


class SurveyViews(Protocol):
    """What can be asked about surveys."""

    async def page(self, *, after: Place | None, limit: int, conversation_id: str) -> list[Survey]:
        """List surveys, newest first, from a place on."""
        ...

    async def one(self, survey_id: str) -> Survey:
        """Return one survey.

        Raises:
            SurveyNotFound: there is none.
        """
        ...
