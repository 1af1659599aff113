"""Why time counted or did not: a stretch of time as intervals, each with its cause.

Clocks are kept and explained as such intervals, never as sums: a sum cannot be questioned.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from otklik_sla.domain.hours import Label
from otklik_sla.domain.instants import moment
from otklik_sla.domain.timeline import Timeline

NO_LABEL = Label()


class Cause(StrEnum):
    """Why time counts, or does not."""

    RUNNING = "running"
    RUNNING_BY_OVERRIDE = "running_by_override"
    CLOSED_HOURS = "closed_hours"
    CLOSED_BY_OVERRIDE = "closed_by_override"
    HOLIDAY = "holiday"
    PAUSED = "paused"

    @property
    def counts(self) -> bool:
        """Whether time of this cause is worked time."""
        return self in {Cause.RUNNING, Cause.RUNNING_BY_OVERRIDE}


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A stretch of time with one cause, [start, end).

    `name` says which holiday or which override; `day` is the first day it names. `reason` says
    which pause.
    """

    start: datetime
    end: datetime
    cause: Cause
    name: Label = NO_LABEL
    day: date | None = None
    reason: str = ""

    @property
    def length(self) -> timedelta:
        """How long it lasts."""
        return self.end - self.start


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What decides one local day: how its open and its shut time are called."""

    open: Cause
    shut: Cause
    name: Label = NO_LABEL
    names_day: bool = False


def partition(
    timeline: Timeline, rule: Callable[[date], Rule], *, start: int, end: int
) -> tuple[Interval, ...]:
    """Cut a stretch of time into intervals of one cause each, without gaps."""
    if end <= start:
        return ()
    return tuple(joined(_pieces(timeline, rule, start=start, end=end)))


def joined(pieces: Iterable[Interval]) -> Iterator[Interval]:
    """Join neighbours that have the same cause and name."""
    last: Interval | None = None
    for piece in pieces:
        if last and _same(last, piece):
            last = replace(last, end=piece.end)
            continue
        if last:
            yield last
        last = piece
    if last:
        yield last


def _same(one: Interval, other: Interval) -> bool:
    return (
        one.end == other.start
        and (one.cause, one.name, one.reason) == (other.cause, other.name, other.reason)
        and (one.day == other.day or one.name != NO_LABEL)
    )


def _pieces(
    timeline: Timeline, rule: Callable[[date], Rule], *, start: int, end: int
) -> Iterator[Interval]:
    # The day before may have opened past midnight; its hours are its own even on a holiday.
    today = timeline.local_date(start) - timedelta(days=1)
    at = start
    while at < end:
        open_spans = sorted(
            (opens, closes, owner)
            for owner in (today - timedelta(days=1), today)
            for opens, closes in timeline.spans(owner)
        )
        tomorrow = timeline.midnight(today + timedelta(days=1))
        for opens, closes, owner in open_spans:
            yield from _piece(at, min(opens, tomorrow, end), rule(today).shut, rule(today), today)
            at = max(at, min(opens, tomorrow, end))
            yield from _piece(at, min(closes, tomorrow, end), rule(owner).open, rule(owner), owner)
            at = max(at, min(closes, tomorrow, end))
        yield from _piece(at, min(tomorrow, end), rule(today).shut, rule(today), today)
        at = max(at, min(tomorrow, end))
        today += timedelta(days=1)


def _piece(start: int, end: int, cause: Cause, rule: Rule, day: date) -> Iterator[Interval]:
    if end > start:
        yield Interval(
            start=moment(start),
            end=moment(end),
            cause=cause,
            name=rule.name if rule.names_day else NO_LABEL,
            day=day if rule.names_day else None,
        )
