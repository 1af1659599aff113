"""Opening hours of one day, as a person writes them: from "09:00" to "18:00", or past midnight.

A day is a tuple of such intervals, in order. An interval belongs to the day it opens on.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from otklik_runtime.errors import InvalidInput
from otklik_sla.domain.instants import DAY_SECONDS

_TIME_OF_DAY = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
_HOUR = 3600
_MINUTE = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """What a person calls something, in both languages of the desk."""

    ru: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Hours:
    """One open interval, in seconds since local midnight of the day it belongs to.

    `closes` is past 86,400 when the interval ends on the next day.
    """

    opens: int
    closes: int


Day = tuple[Hours, ...]
ROUND_THE_CLOCK: Day = (Hours(0, DAY_SECONDS),)


def time_of_day(text: str, field: str) -> int:
    """Read "HH:MM" or "HH:MM:SS" as seconds since midnight; "24:00" is the end of the day.

    Raises:
        InvalidInput: It is no time of day.
    """
    found = _TIME_OF_DAY.fullmatch(text)
    if found:
        hour, minute, second = (int(part or 0) for part in found.groups())
        seconds = hour * _HOUR + minute * _MINUTE + second
        if minute < _MINUTE and second < _MINUTE and seconds <= DAY_SECONDS:
            return seconds
    raise InvalidInput(
        "time_of_day_invalid",
        f'{field} must be a time from "00:00" to "24:00"',
        field=field,
        value=text,
    )


def parse_hours(opens: str, closes: str, field: str) -> Hours:
    """Read one interval; an end before its beginning lies on the next day.

    Raises:
        InvalidInput: A time is wrong, both ends are equal, or it would open at the day's end.
    """
    begin, end = time_of_day(opens, field), time_of_day(closes, field)
    if begin == end:
        raise InvalidInput(
            "interval_with_equal_ends",
            f'{field} opens and closes at {opens}; for a whole day write "00:00" to "24:00"',
            field=field,
            value=opens,
        )
    if begin == DAY_SECONDS:
        raise InvalidInput(
            "time_of_day_invalid",
            f'{field} opens at "24:00"; write "00:00" on the next day',
            field=field,
            value=opens,
        )
    return Hours(begin, end if end > begin else end + DAY_SECONDS)


def parse_day(intervals: Iterable[Sequence[str]], field: str) -> Day:
    """Read the intervals of one day and put them in order.

    Raises:
        InvalidInput: An interval is not a pair of times, or one of its times is wrong.
    """
    day: list[Hours] = []
    for number, pair in enumerate(intervals):
        if isinstance(pair, str) or len(pair) != len(("opens", "closes")):
            raise InvalidInput(
                "interval_invalid",
                f'{field}[{number}] must be a pair of times such as ["09:00", "18:00"]',
                field=f"{field}[{number}]",
            )
        day.append(parse_hours(pair[0], pair[1], f"{field}[{number}]"))
    return tuple(sorted(day))


def refuse_overlap(day: Day, field: str) -> None:
    """Refuse a day whose intervals cover one another: one of them must be a slip.

    Raises:
        InvalidInput: Two intervals share a second.
    """
    for earlier, later in pairwise(day):
        if later.opens < earlier.closes:
            raise InvalidInput(
                "intervals_overlap",
                f"{field} has two intervals that overlap; join them or move one",
                field=field,
            )
