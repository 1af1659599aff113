"""Lengths of time as people say them: two units at most, and never a promise that is not kept.

What remains is rounded down and what is overdue is rounded up, so that nobody is told of a minute
that is not there. The names of the units are never declined, in either language.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_MINUTES_IN_HOUR = 60
_HOURS_IN_DAY = 24
# From here on minutes are noise.
_HOURS_IN_HOURS = 48


class Unit(StrEnum):
    """A unit of time."""

    DAY = "day"
    HOUR = "hour"
    MINUTE = "minute"


@dataclass(frozen=True, slots=True)
class Span:
    """A length in units, the largest first; none at all is less than a minute."""

    parts: tuple[tuple[int, Unit], ...]


def remaining(length: timedelta) -> Span:
    """Say what is left of a time; a negative length is nothing left."""
    minutes = max(length, timedelta(0)) // _MINUTE
    if minutes < _HOURS_IN_HOURS * _MINUTES_IN_HOUR:
        return _in_hours(minutes)
    return _in_days(length // _HOUR)


def overdue(length: timedelta) -> Span:
    """Say by how much a time has passed: a minute at least, as it has passed."""
    minutes = max(-(length // -_MINUTE), 1)
    if minutes < _HOURS_IN_HOURS * _MINUTES_IN_HOUR:
        return _in_hours(minutes)
    return _in_days(-(length // -_HOUR))


def working(length: timedelta) -> Span:
    """Say a length of working time, which has no days: a working day is not 24 hours."""
    return _in_hours(max(length, timedelta(0)) // _MINUTE)


def _in_hours(minutes: int) -> Span:
    hours, rest = divmod(minutes, _MINUTES_IN_HOUR)
    return _span((hours, Unit.HOUR), (rest, Unit.MINUTE))


def _in_days(hours: int) -> Span:
    days, rest = divmod(hours, _HOURS_IN_DAY)
    return _span((days, Unit.DAY), (rest, Unit.HOUR))


def _span(*parts: tuple[int, Unit]) -> Span:
    return Span(tuple((count, unit) for count, unit in parts if count))
