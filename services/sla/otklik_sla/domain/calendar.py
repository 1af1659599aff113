"""Calendars: when time counts, in the hours, holidays and exceptions of one IANA zone.

Every deadline of the service, of its previews and of the calculator is counted here. An override
beats a holiday, a holiday beats the week; an interval past midnight belongs to the day it opens
on, so a night shift runs on into a holiday that follows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from otklik_runtime.errors import InvalidInput
from otklik_sla.domain.hours import (
    ROUND_THE_CLOCK,
    Day,
    Label,
    refuse_overlap,
)
from otklik_sla.domain.instants import DAY_SECONDS, SECOND, instant, moment
from otklik_sla.domain.intervals import NO_LABEL, Cause, Interval, Rule, partition
from otklik_sla.domain.timeline import Span, Timeline, merge

Pause = tuple[datetime, datetime]

_WEEK_DAYS = 7
_WEEK = Rule(open=Cause.RUNNING, shut=Cause.CLOSED_HOURS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Override:
    """The hours of one date, in place of its week and its holiday; no hours shut it."""

    hours: Day
    name: Label = NO_LABEL


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """One version of the hours in which clocks run.

    `weekly` has seven days from Monday on; None is round the clock, every day. A recurring holiday
    is a (month, day).
    """

    id: str = ""
    version: int = 1
    name: Label = NO_LABEL
    zone: str = "UTC"
    weekly: tuple[Day, ...] | None = None
    holidays: Mapping[date, Label] = field(default_factory=dict)
    recurring_holidays: Mapping[tuple[int, int], Label] = field(default_factory=dict)
    overrides: Mapping[date, Override] = field(default_factory=dict)
    _timeline: Timeline = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.weekly is not None and len(self.weekly) != _WEEK_DAYS:
            raise InvalidInput(
                "week_invalid", "weekly must have seven days, from Monday on", field="weekly"
            )
        self._refuse_overlapping_overrides()
        object.__setattr__(self, "_timeline", Timeline(_zone(self.zone), self.day))

    def day(self, on: date) -> Day:
        """Give the open intervals that belong to a local date."""
        if on in self.overrides:
            return self.overrides[on].hours
        if on in self.holidays or (on.month, on.day) in self.recurring_holidays:
            return ()
        return ROUND_THE_CLOCK if self.weekly is None else self.weekly[on.weekday()]

    def add(self, start: datetime, seconds: int, pauses: Iterable[Pause] = ()) -> datetime:
        """Count a target forward from its start to its deadline.

        The deadline is the first moment with that much worked time behind it: a budget that ends
        with the working day ends at closing time, not tomorrow. Zero seconds give the first moment
        that is open and not paused.

        Args:
            start: When the clock starts.
            seconds: The target in worked seconds.
            pauses: Stretches that do not count, in any order, overlapping or not.

        Raises:
            InvalidInput: The target is negative, a time says no offset, or no open second exists
                in 400 consecutive days.
        """
        if seconds < 0:
            raise InvalidInput(
                "target_negative", "seconds must not be negative", field="seconds", value=seconds
            )
        at, breaks = instant(start, "start"), _breaks(pauses)
        if seconds == 0:
            return moment(self._first_counted(at, breaks))
        wanted = seconds * SECOND
        for begin, end in breaks:
            if end <= at:
                continue
            before = self._worked(at, begin)
            if before >= wanted:
                break
            wanted -= before
            at = end
        return moment(at + wanted if self._is_plain else self._timeline.add(at, wanted))

    def worked(self, start: datetime, end: datetime, pauses: Iterable[Pause] = ()) -> int:
        """Count the whole worked seconds between two moments; 0 when the end is not after."""
        return self.worked_microseconds(start, end, pauses) // SECOND

    def worked_microseconds(
        self, start: datetime, end: datetime, pauses: Iterable[Pause] = ()
    ) -> int:
        """Count the worked time between two moments to the last microsecond."""
        begin, until = instant(start, "start"), instant(end, "end")
        total = self._worked(begin, until)
        for pause_from, pause_until in _breaks(pauses):
            total -= self._worked(max(begin, pause_from), min(until, pause_until))
        return total

    def subtract(self, end: datetime, seconds: int) -> datetime:
        """Count worked seconds back from a moment: when to warn of a deadline.

        Raises:
            InvalidInput: The seconds are not above zero, or no open second exists in 400 days.
        """
        if seconds <= 0:
            raise InvalidInput(
                "target_not_positive", "seconds must be above zero", field="seconds", value=seconds
            )
        until, wanted = instant(end, "end"), seconds * SECOND
        return moment(until - wanted if self._is_plain else self._timeline.subtract(until, wanted))

    def intervals(self, start: datetime, end: datetime) -> tuple[Interval, ...]:
        """Cut the time between two moments into intervals, each with why it counts or not."""
        return partition(
            self._timeline, self._rule, start=instant(start, "start"), end=instant(end, "end")
        )

    def local(self, at: datetime) -> datetime:
        """Give a moment as the calendar's own zone shows it."""
        return at.astimezone(self._timeline.zone)

    @property
    def timeline(self) -> Timeline:
        """The calendar's open time, for arithmetic of its own."""
        return self._timeline

    @property
    def _is_plain(self) -> bool:
        return (
            self.weekly is None
            and not self.overrides
            and not self.holidays
            and not self.recurring_holidays
        )

    def _worked(self, start: int, end: int) -> int:
        return max(end - start, 0) if self._is_plain else self._timeline.worked(start, end)

    def _first_counted(self, at: int, breaks: list[Span]) -> int:
        at = self._timeline.first_open(at)
        for begin, end in breaks:
            if begin <= at < end:
                at = self._timeline.first_open(end)
        return at

    def _rule(self, on: date) -> Rule:
        if on in self.overrides:
            return Rule(
                open=Cause.RUNNING_BY_OVERRIDE,
                shut=Cause.CLOSED_BY_OVERRIDE,
                name=self.overrides[on].name,
                names_day=True,
            )
        holiday = self.holidays.get(on) or self.recurring_holidays.get((on.month, on.day))
        if holiday is None:
            return _WEEK
        return Rule(open=Cause.RUNNING, shut=Cause.HOLIDAY, name=holiday, names_day=True)

    def _refuse_overlapping_overrides(self) -> None:
        for on, override in self.overrides.items():
            refuse_overlap(override.hours, f"date_overrides.{on}")
            following = self.overrides.get(date.fromordinal(on.toordinal() + 1))
            if not override.hours or not following or not following.hours:
                continue
            if override.hours[-1].closes - DAY_SECONDS > following.hours[0].opens:
                raise InvalidInput(
                    "intervals_overlap",
                    f"the override of {on} runs into the next day's override; shorten one",
                    field=f"date_overrides.{on}",
                )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:
        raise InvalidInput(
            "zone_unknown",
            "zone must be an IANA time zone such as Europe/Moscow",
            field="zone",
            value=name,
        ) from unknown


def _breaks(pauses: Iterable[Pause]) -> list[Span]:
    spans = [
        (instant(start, f"pauses[{number}]"), instant(end, f"pauses[{number}]"))
        for number, (start, end) in enumerate(pauses)
    ]
    for number, (start, end) in enumerate(spans):
        if end < start:
            raise InvalidInput(
                "pause_ends_before_start",
                f"pauses[{number}] ends before it starts; exchange its ends",
                field=f"pauses[{number}]",
            )
    return merge(spans)
