"""Clocks: one waiting of a customer, measured against what was promised for it.

A clock keeps its calendar and its pauses, never a sum; how much was worked, what is left and why
is counted from them whenever somebody asks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from otklik_sla.domain.calendar import Calendar
from otklik_sla.domain.intervals import Cause, Interval, joined
from otklik_sla.domain.kinds import ClockKind, ClockState, EndReason, StateMeaning

_BREACHED = frozenset({ClockState.BREACHED, ClockState.BREACHED_BY_CHANGE})


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    """A time in which a clock stands still; without an end it still does."""

    start: datetime
    end: datetime | None
    reason: StateMeaning


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetChange:
    """What a change of policy did to a clock."""

    changed_at: datetime
    policy_before: str
    policy_after: str
    deadline_before: datetime | None
    deadline_after: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Clock:
    """One clock of a ticket, as it stood at `as_of`.

    Attributes:
        kind: What is promised.
        instance: Its number among those of its kind, for people: 1, 2, 3.
        anchor: The fact it hangs on. With the kind it names the clock for good.
        state: How it stands.
        policy: The policy and version it was judged by last.
        calendar: The calendar it counts in.
        target_seconds: The worked time allowed.
        start: When it started.
        deadline: When it must be met; None while it is paused without end.
        met_at: When it was met, in time or late.
        met_by: The fact that met it.
        provisional: It was met by a message whose delivery is not yet accepted.
        ended_at: When it ended without being met.
        end_reason: And why.
        breached_at: The deadline that passed, or the change that set one already past.
        pauses: When it stood still.
        changes: What changes of policy did to it.
        as_of: Up to when it was judged.
    """

    kind: ClockKind
    instance: int
    anchor: str
    state: ClockState
    policy: str
    calendar: Calendar
    target_seconds: int
    start: datetime
    deadline: datetime | None
    met_at: datetime | None
    met_by: str
    provisional: bool
    ended_at: datetime | None
    end_reason: EndReason | None
    breached_at: datetime | None
    pauses: tuple[Pause, ...]
    changes: tuple[TargetChange, ...]
    as_of: datetime

    @property
    def key(self) -> tuple[ClockKind, str]:
        """What names the clock within its ticket, however often it is replayed."""
        return self.kind, self.anchor

    @property
    def open(self) -> bool:
        """Whether it still waits to be met, in time or not."""
        return self.stop is None

    @property
    def breached(self) -> bool:
        """Whether its deadline passed before it was met."""
        return self.state in _BREACHED

    @property
    def breached_by_change(self) -> bool:
        """Whether it was a change of policy that set a deadline already past."""
        return self.state is ClockState.BREACHED_BY_CHANGE

    @property
    def stop(self) -> datetime | None:
        """When it was over, one way or the other."""
        return self.met_at or self.ended_at

    @property
    def paused_since(self) -> datetime | None:
        """When the pause began that still lasts."""
        if self.open and self.pauses and self.pauses[-1].end is None:
            return self.pauses[-1].start
        return None

    @property
    def resumes_at(self) -> datetime | None:
        """When its calendar opens again; None when it counts, is paused or is over."""
        if not self.open or self.paused_since is not None:
            return None
        opens = self.calendar.add(max(self.as_of, self.start), 0)
        return opens if opens > self.as_of else None

    @property
    def end(self) -> datetime:
        """When it was over, or up to when it was judged."""
        return max(self.stop or self.as_of, self.start)

    @property
    def worked_seconds(self) -> int:
        """Worked time used."""
        return self.calendar.worked(self.start, self.end, self._closed_pauses())

    @property
    def remaining_seconds(self) -> int:
        """Worked time left; 0 when none is."""
        return max(self.target_seconds - self.worked_seconds, 0)

    @property
    def overrun_seconds(self) -> int:
        """Worked time from its deadline on; 0 when it is not breached."""
        if not self.breached or self.deadline is None:
            return 0
        return self.calendar.worked(self.deadline, self.end, self._closed_pauses())

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """Its life in order and without gaps, each stretch with its cause."""
        return tuple(joined(self._overlaid()))

    def _closed_pauses(self) -> list[tuple[datetime, datetime]]:
        return [(pause.start, pause.end or max(self.end, pause.start)) for pause in self.pauses]

    def _overlaid(self) -> Iterator[Interval]:
        at = self.start
        for pause in self.pauses:
            yield from self.calendar.intervals(at, min(pause.start, self.end))
            until = min(pause.end or self.end, self.end)
            if until > pause.start:
                yield Interval(
                    start=pause.start, end=until, cause=Cause.PAUSED, reason=pause.reason
                )
            at = max(at, until)
        yield from self.calendar.intervals(at, self.end)


def effective_deadline(clocks: tuple[Clock, ...]) -> datetime | None:
    """Give the deadline a queue sorts by: the earliest of those still to be kept."""
    return min(
        (
            clock.deadline
            for clock in clocks
            if clock.open and not clock.breached and clock.deadline
        ),
        default=None,
    )


def longest(clocks: tuple[Clock, ...], kind: ClockKind) -> timedelta:
    """Give the longest time that any clock of a kind worked, as reports show it."""
    worked = (clock.worked_seconds for clock in clocks if clock.kind is kind)
    return timedelta(seconds=max(worked, default=0))
