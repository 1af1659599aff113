"""In-memory ports: the rules and verbs of feedback without input or output."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from datetime import datetime, timedelta

import pytest

from otklik_feedback.domain import (
    CountReceived,
    Event,
    RatingLinkInvalid,
    RememberBreach,
    RememberTicket,
    Survey,
)


class Surveys:
    def __init__(self) -> None:
        self.rows: dict[str, Survey] = {}

    async def open_of(self, ticket_ids: Collection[str]) -> list[Survey]:
        return [
            deepcopy(survey)
            for survey in self.rows.values()
            if survey.ticket_id in ticket_ids and survey.ended_at is None
        ]

    async def lock(self, survey_id: str) -> Survey | None:
        return deepcopy(self.rows.get(survey_id))

    async def add(self, surveys: Sequence[Survey]) -> set[str]:
        new = {survey.id for survey in surveys} - set(self.rows)
        self.rows.update({each.id: deepcopy(each) for each in surveys if each.id in new})
        return new

    async def save(self, surveys: Sequence[Survey]) -> None:
        self.rows.update({survey.id: deepcopy(survey) for survey in surveys})


class Records:
    def __init__(self) -> None:
        self.tickets: dict[str, RememberTicket] = {}
        self.received: Counter[CountReceived] = Counter()
        self.breaches: dict[str, RememberBreach] = {}

    async def add_tickets(self, tickets: Sequence[RememberTicket]) -> None:
        self.tickets.update({ticket.ticket_id: ticket for ticket in tickets})

    async def count_received(self, counts: Mapping[CountReceived, int]) -> None:
        self.received.update(counts)

    async def add_breaches(self, breaches: Sequence[RememberBreach]) -> None:
        self.breaches.update({breach.clock_id: breach for breach in breaches})


class Unit:
    def __init__(self, now: datetime) -> None:
        self.now = now
        self.surveys = Surveys()
        self.records = Records()
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)

    def advance(self, **duration: float) -> None:
        self.now += timedelta(**duration)


class Links:
    """A link is the survey's id behind a word."""

    def survey_of(self, token: str, now: datetime) -> str:
        if not token.startswith("link-"):
            raise RatingLinkInvalid
        return token.removeprefix("link-")


@pytest.fixture
def unit(now: datetime) -> Unit:
    return Unit(now)


@pytest.fixture
def links() -> Links:
    return Links()
