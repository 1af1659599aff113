"""What a new fact changed: the difference between two replays, as facts of our own.

The handler records each once. A correction is said as loudly as the thing it corrects: a met clock
that runs again, a breach that a late message undoes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from otklik_sla.domain.clocks import Clock, Pause
from otklik_sla.domain.kinds import ClockKind, EndReason, StateMeaning


class Verdict(StrEnum):
    """What can be said of a clock and taken back."""

    MET = "met"
    BREACHED = "breached"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockFact:
    """Something that happened to one clock.

    `occurred_at` is when it became true, not when it was learned; kind and anchor name the clock.
    """

    kind: ClockKind
    anchor: str
    instance: int
    occurred_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockStarted(ClockFact):
    """A clock started."""

    deadline: datetime | None
    policy: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockPaused(ClockFact):
    """A clock stands still."""

    reason: StateMeaning


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockResumed(ClockFact):
    """A clock runs again, to a later deadline."""

    deadline: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockDeadlineMoved(ClockFact):
    """The deadline of a clock moved for another reason than a pause."""

    deadline_before: datetime
    deadline: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockMet(ClockFact):
    """What a clock waited for happened, in time or late."""

    deadline: datetime | None
    worked_seconds: int
    late: bool
    provisional: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockConfirmed(ClockFact):
    """The message that met a clock was delivered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockBreached(ClockFact):
    """A clock passed its deadline; by a change, when the new deadline was past already."""

    deadline: datetime | None
    by_change: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockCancelled(ClockFact):
    """A clock ended without a verdict, or never should have been."""

    reason: EndReason


@dataclass(frozen=True, kw_only=True, slots=True)
class VerdictWithdrawn(ClockFact):
    """What had been said of a clock is no longer true; it waits again until `deadline`."""

    verdict: Verdict
    deadline: datetime | None = None


def changes(before: Iterable[Clock], after: Iterable[Clock]) -> tuple[ClockFact, ...]:
    """Say what is different between the clocks of two replays, clock by clock.

    Applying the same replay twice says nothing the second time.
    """
    old = {clock.key: clock for clock in before}
    new = {clock.key: clock for clock in after}
    found: list[ClockFact] = []
    for key, clock in old.items():
        if key not in new:
            found.extend(_gone(clock))
    for key, clock in new.items():
        found.extend(_one(old.get(key), clock))
    return tuple(found)


def _gone(clock: Clock) -> Iterator[ClockFact]:
    if clock.breached_at:
        yield _withdrawn(clock, Verdict.BREACHED, clock.breached_at)
    if clock.met_at:
        yield _withdrawn(clock, Verdict.MET, clock.met_at)
    yield ClockCancelled(
        kind=clock.kind,
        anchor=clock.anchor,
        instance=clock.instance,
        occurred_at=clock.start,
        reason=EndReason.CORRECTED,
    )


def _one(old: Clock | None, new: Clock) -> Iterator[ClockFact]:
    if old is None:
        yield ClockStarted(
            kind=new.kind,
            anchor=new.anchor,
            instance=new.instance,
            occurred_at=new.start,
            deadline=new.deadline,
            policy=new.policy,
        )
    else:
        yield from _taken_back(old, new)
    stood_still = list(_pauses(old.pauses if old else (), new))
    yield from stood_still
    if old and not stood_still:
        if old.ended_at and new.open:
            yield _resumed(new, old.ended_at)
        yield from _moved(old, new)
    yield from _verdicts(old, new)


def _taken_back(old: Clock, new: Clock) -> Iterator[ClockFact]:
    if old.met_at and old.met_at != new.met_at:
        yield _withdrawn(new, Verdict.MET, old.met_at)
    if old.breached_at and not new.breached_at:
        yield _withdrawn(new, Verdict.BREACHED, old.breached_at)


def _withdrawn(clock: Clock, verdict: Verdict, at: datetime) -> VerdictWithdrawn:
    return VerdictWithdrawn(
        kind=clock.kind,
        anchor=clock.anchor,
        instance=clock.instance,
        occurred_at=at,
        verdict=verdict,
        deadline=clock.deadline if clock.open else None,
    )


def _pauses(old: tuple[Pause, ...], new: Clock) -> Iterator[ClockFact]:
    known = {pause.start: pause for pause in old}
    # A pause that ends with the clock, or where the next one begins, resumes nothing.
    silent = {new.stop, *(pause.start for pause in new.pauses)}
    for pause in new.pauses:
        earlier = known.pop(pause.start, None)
        if earlier is None or earlier.reason != pause.reason:
            yield ClockPaused(
                kind=new.kind,
                anchor=new.anchor,
                instance=new.instance,
                occurred_at=pause.start,
                reason=pause.reason,
            )
        if pause.end and pause.end not in silent and (not earlier or earlier.end != pause.end):
            yield _resumed(new, pause.end)
    for pause in known.values():
        if pause.end is None and new.paused_since is None and new.open:
            yield _resumed(new, pause.start)


def _resumed(clock: Clock, at: datetime) -> ClockResumed:
    return ClockResumed(
        kind=clock.kind,
        anchor=clock.anchor,
        instance=clock.instance,
        occurred_at=at,
        deadline=clock.deadline,
    )


def _moved(old: Clock, new: Clock) -> Iterator[ClockFact]:
    if old.deadline and new.deadline and old.deadline != new.deadline:
        yield ClockDeadlineMoved(
            kind=new.kind,
            anchor=new.anchor,
            instance=new.instance,
            occurred_at=new.changes[-1].changed_at if new.changes else new.start,
            deadline_before=old.deadline,
            deadline=new.deadline,
        )


def _verdicts(old: Clock | None, new: Clock) -> Iterator[ClockFact]:
    if new.breached_at and not (old and old.breached_at):
        yield ClockBreached(
            kind=new.kind,
            anchor=new.anchor,
            instance=new.instance,
            occurred_at=new.breached_at,
            deadline=new.deadline,
            by_change=new.breached_by_change,
        )
    if new.met_at and not (old and old.met_at == new.met_at):
        yield ClockMet(
            kind=new.kind,
            anchor=new.anchor,
            instance=new.instance,
            occurred_at=new.met_at,
            deadline=new.deadline,
            worked_seconds=new.worked_seconds,
            late=new.breached,
            provisional=new.provisional,
        )
    elif new.met_at and old and old.provisional and not new.provisional:
        yield ClockConfirmed(
            kind=new.kind,
            anchor=new.anchor,
            instance=new.instance,
            occurred_at=new.met_at,
        )
    if new.ended_at and new.end_reason and not (old and old.ended_at):
        yield ClockCancelled(
            kind=new.kind,
            anchor=new.anchor,
            instance=new.instance,
            occurred_at=new.ended_at,
            reason=new.end_reason,
        )
