"""What an arm becomes under the policies it lived under: a clock with its verdict.

A change of policy replays the clock from its original start over the same pauses: the target
changes, the past does not. A breach that had happened before the change stays.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from otklik_sla.domain.arming import Arm
from otklik_sla.domain.clocks import Clock, Pause, TargetChange
from otklik_sla.domain.instants import SECOND
from otklik_sla.domain.kinds import ClockState, EndReason
from otklik_sla.domain.policy import Policy, Target
from otklik_sla.domain.story import Story


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """A time under one policy; without an end it still applies."""

    policy: Policy | None
    start: datetime | None
    end: datetime | None


@dataclass(kw_only=True, slots=True)
class _Trial:
    """What is known of a clock while its periods are gone through."""

    policy: str = ""
    target: Target | None = None
    pauses: tuple[Pause, ...] = ()
    deadline: datetime | None = None
    breached_at: datetime | None = None
    by_change: bool = False
    dropped_at: datetime | None = None
    known_policy: str = ""
    changes: list[TargetChange] = field(default_factory=list)

    @property
    def runs(self) -> bool:
        """Whether it can still be breached."""
        return self.breached_at is None and self.dropped_at is None


def judge(arm: Arm, story: Story, *, as_of: datetime) -> Clock | None:
    """Judge one arm; None when nothing was ever promised for it."""
    trial = _Trial()
    for period in _periods(arm, story):
        _enter(trial, period, arm, story)
        until = min(at for at in (period.end, arm.stop, as_of) if at is not None)
        if trial.runs and trial.deadline and until > trial.deadline:
            trial.breached_at = trial.deadline
    if trial.target is None or trial.target.seconds is None:
        return None
    if trial.dropped_at:
        arm = replace(
            arm,
            met_at=None,
            met_by="",
            ended_at=trial.dropped_at,
            end_reason=EndReason.POLICY_CHANGED,
        )
    return Clock(
        kind=arm.kind,
        instance=0,
        anchor=arm.anchor,
        state=_state(arm, trial),
        policy=trial.policy,
        calendar=trial.target.calendar,
        target_seconds=trial.target.seconds,
        start=arm.start,
        deadline=trial.deadline,
        met_at=arm.met_at,
        met_by=arm.met_by,
        provisional=arm.provisional,
        ended_at=arm.ended_at,
        end_reason=arm.end_reason,
        breached_at=trial.breached_at,
        pauses=trial.pauses,
        changes=tuple(trial.changes),
        as_of=as_of,
    )


def _periods(arm: Arm, story: Story) -> Iterator[Period]:
    """Give the policies an arm lived under; the first it knew counts from its start."""
    for number, (at, policy) in enumerate(story.policies):
        following = story.policies[number + 1][0] if number + 1 < len(story.policies) else None
        if following is not None and following <= arm.start:
            continue
        known_from_start = number == 0 or at <= arm.start
        if not known_from_start and arm.stop is not None and arm.stop <= at:
            return
        yield Period(policy=policy, start=None if known_from_start else at, end=following)


def _enter(trial: _Trial, period: Period, arm: Arm, story: Story) -> None:
    """Put an arm under the next policy."""
    before, trial.known_policy = trial.known_policy, ""
    if period.policy:
        trial.known_policy = period.policy.reference
    target = period.policy.target(arm.kind) if period.policy else None
    if target is None:
        trial.dropped_at = period.start if trial.target else None
        return
    pauses = _pauses(arm, target, story)
    deadline = _deadline(arm, target, pauses)
    if period.start is not None:
        trial.changes.append(
            TargetChange(
                changed_at=period.start,
                policy_before=before,
                policy_after=trial.known_policy,
                deadline_before=trial.deadline,
                deadline_after=deadline,
            )
        )
        if trial.breached_at is None and deadline is not None and deadline < period.start:
            trial.breached_at, trial.by_change = period.start, True
    trial.dropped_at = None
    if trial.breached_at is None or trial.by_change:
        trial.target, trial.pauses, trial.deadline = target, pauses, deadline
        trial.policy = trial.known_policy


def _state(arm: Arm, trial: _Trial) -> ClockState:
    if trial.breached_at:
        return ClockState.BREACHED_BY_CHANGE if trial.by_change else ClockState.BREACHED
    if arm.met_at:
        return ClockState.MET
    if arm.ended_at:
        return ClockState.CANCELLED
    paused = any(pause.end is None for pause in trial.pauses)
    return ClockState.PAUSED if paused else ClockState.RUNNING


def _pauses(arm: Arm, target: Target, story: Story) -> tuple[Pause, ...]:
    held_in = arm.held_in | target.paused_in
    return tuple(
        Pause(
            start=max(stretch.start, arm.start),
            end=_earliest(stretch.end, arm.stop),
            reason=stretch.meaning,
        )
        for stretch in story.stretches
        if stretch.meaning in held_in
        and (stretch.end is None or stretch.end > arm.start)
        and (arm.stop is None or stretch.start < arm.stop)
    )


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return min(one, other)


def _deadline(arm: Arm, target: Target, pauses: tuple[Pause, ...]) -> datetime | None:
    """Find the deadline; None while a pause without end comes before it."""
    seconds = target.seconds or 0
    past = [(pause.start, pause.end) for pause in pauses if pause.end]
    lasting = next((pause.start for pause in pauses if pause.end is None), None)
    if lasting is not None:
        worked = target.calendar.worked_microseconds(arm.start, lasting, past)
        if worked < seconds * SECOND:
            return None
    return target.calendar.add(arm.start, seconds, past)
