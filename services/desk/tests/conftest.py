"""Builders: a clock, a speech, as the desk's rules and pages see them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from otklik_desk.domain.clocks import Clock, ClockKind, ClockState
from otklik_desk.entrypoints.speech import Speech
from otklik_runtime.i18n import Catalogue

MOSCOW = ZoneInfo("Europe/Moscow")


def at(text: str) -> datetime:
    """Read "15:30" as a time of Friday 20 November 2026 in Moscow, or a whole date and time."""
    whole = text if " " in text else f"2026-11-20 {text}"
    return datetime.fromisoformat(whole).replace(tzinfo=MOSCOW).astimezone(UTC)


@pytest.fixture
def moment() -> Callable[[str], datetime]:
    return at


@pytest.fixture(scope="session")
def texts() -> Catalogue:
    return Catalogue.load("otklik_desk")


@pytest.fixture
def speech(texts):
    """Speak: `speech("ru", now="13:50")`."""

    def build(locale: str, *, now: str = "13:50", zone: str = "Europe/Moscow") -> Speech:
        return Speech(
            texts=texts, locale=locale, zone=ZoneInfo(zone), zone_is_theirs=True, now=at(now)
        )

    return build


@pytest.fixture
def a_clock():
    """Build a clock: `a_clock(due="15:30")`."""

    def build(
        *,
        kind: ClockKind = ClockKind.FIRST_RESPONSE,
        state: ClockState = ClockState.RUNNING,
        due: str | None = "15:30",
        met: str | None = None,
        resumes: str | None = None,
        paused: str | None = None,
        target: timedelta = timedelta(hours=4),
        elapsed: timedelta = timedelta(hours=1),
        name: str = "a",
    ) -> Clock:
        return Clock(
            id=name,
            ticket_id="ticket",
            kind=kind,
            instance=1,
            state=state,
            started_at=at("11:30"),
            due_at=due and at(due),
            met_at=met and at(met),
            target=target,
            elapsed=elapsed,
            zone="Europe/Moscow",
            resumes_at=resumes and at(resumes),
            paused_at=paused and at(paused),
        )

    return build
