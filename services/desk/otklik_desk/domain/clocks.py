"""Clocks as the desk shows them: one sign, one word and one colour for how each stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from otklik_desk.domain.texts import Text

_SOON = timedelta(hours=1)


class ClockKind(StrEnum):
    """What is promised."""

    FIRST_RESPONSE = "first_response"
    NEXT_RESPONSE = "next_response"
    UPDATE = "update"
    RESOLUTION = "resolution"

    @property
    def is_response(self) -> bool:
        """Whether a person's answer is promised."""
        return self in (ClockKind.FIRST_RESPONSE, ClockKind.NEXT_RESPONSE)


class ClockState(StrEnum):
    """How a clock stands, as its keeper says it."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"
    CANCELLED = "cancelled"


class Signal(StrEnum):
    """How a clock is shown: each has a shape and a word of its own, not only a colour."""

    ON_TIME = "on_time"
    SOON = "soon"
    OVERDUE = "overdue"
    PAUSED = "paused"
    DONE = "done"
    DONE_LATE = "done_late"
    DROPPED = "dropped"

    @property
    def open(self) -> bool:
        """Whether somebody still waits."""
        return self in _OPEN


_OPEN = frozenset({Signal.ON_TIME, Signal.SOON, Signal.OVERDUE, Signal.PAUSED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Clock:
    """One clock of one ticket."""

    id: str
    ticket_id: str
    kind: ClockKind
    instance: int
    state: ClockState
    started_at: datetime
    due_at: datetime | None
    met_at: datetime | None
    target: timedelta
    elapsed: timedelta
    zone: str
    resumes_at: datetime | None = None
    paused_at: datetime | None = None

    @property
    def left(self) -> timedelta:
        """The working time that is left; nothing once it is used up."""
        return max(self.target - self.elapsed, timedelta(0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """Why a clock stands as it does, in words."""

    clock_id: str
    text: Text


def signal(clock: Clock, now: datetime) -> Signal:
    """Say how a clock stands at this moment."""
    if clock.state is ClockState.MET:
        return Signal.DONE
    if clock.state is ClockState.CANCELLED:
        return Signal.DROPPED
    if clock.state is ClockState.BREACHED:
        return Signal.DONE_LATE if clock.met_at is not None else Signal.OVERDUE
    if clock.state is ClockState.PAUSED or clock.due_at is None:
        return Signal.PAUSED
    return _of_running(clock, clock.due_at, now)


def _of_running(clock: Clock, due_at: datetime, now: datetime) -> Signal:
    # The page may be a moment older than the deadline it shows.
    if due_at < now:
        return Signal.OVERDUE
    # A target of minutes would be at risk from its first second on.
    return Signal.SOON if due_at - now <= min(_SOON, clock.target / 2) else Signal.ON_TIME


def pressing(clocks: Iterable[Clock], now: datetime) -> Clock | None:
    """Give the clock that matters now: the earliest due of those that run, else one that waits."""
    return min(
        (clock for clock in clocks if signal(clock, now) is not Signal.DROPPED),
        key=lambda clock: (_rank(clock, now), clock.due_at or now, clock.id),
        default=None,
    )


def _rank(clock: Clock, now: datetime) -> int:
    shown = signal(clock, now)
    if shown is Signal.PAUSED:
        return 1
    if shown.open:
        return 0
    # When all is over, what the whole request took is what counts.
    return 2 if clock.kind is ClockKind.RESOLUTION else 3
