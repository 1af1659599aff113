"""Instants as people say them: today, tomorrow, yesterday, or a date."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class Day(StrEnum):
    """Which day it is, seen from now."""

    TODAY = "today"
    TOMORROW = "tomorrow"
    YESTERDAY = "yesterday"
    THIS_YEAR = "date"
    OTHER_YEAR = "date_and_year"


class How(StrEnum):
    """The role of an instant in its sentence: each has words of its own."""

    # A deadline to come: `by 15:30 today`.
    BY = "by"
    # The same where another word of the sentence says the day: `by 15:30`.
    BY_TIME = "by_time"
    # A deadline that was named: `15:30`, `15:30 yesterday`.
    PROMISED = "promised"
    # Something to come: `at 09:00 tomorrow`.
    AT = "at"
    # Something that happened: `at 14:52`, `at 14:52 yesterday`.
    HAPPENED = "happened"
    # Something that lasts: `since 14:05`.
    SINCE = "since"


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant and its role in a sentence."""

    at: datetime
    how: How


def day_of(instant: datetime, *, now: datetime, zone: ZoneInfo) -> Day:
    """Tell which day an instant is on, for somebody in that zone."""
    day, today = instant.astimezone(zone).date(), now.astimezone(zone).date()
    near = {
        today: Day.TODAY,
        today + timedelta(days=1): Day.TOMORROW,
        today - timedelta(days=1): Day.YESTERDAY,
    }
    if day in near:
        return near[day]
    return Day.THIS_YEAR if day.year == today.year else Day.OTHER_YEAR


def same_day(one: datetime, other: datetime, zone: ZoneInfo) -> bool:
    """Tell whether two instants are on one day in that zone."""
    return one.astimezone(zone).date() == other.astimezone(zone).date()
