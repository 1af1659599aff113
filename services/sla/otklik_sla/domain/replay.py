"""The clocks of a ticket, computed from its facts alone.

Nothing is updated: every new fact replays the whole story, so that a late, doubled or shuffled
fact gives the very clocks that an early one would have given.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from otklik_sla.domain.arming import arms
from otklik_sla.domain.clocks import Clock, effective_deadline
from otklik_sla.domain.facts import Fact
from otklik_sla.domain.judging import judge
from otklik_sla.domain.kinds import ClockKind, StateMeaning
from otklik_sla.domain.policy import DEFAULT_PAUSES, Policy
from otklik_sla.domain.story import Story, tell


class Arming(StrEnum):
    """Whether a ticket has clocks, and if not, why."""

    ARMED = "armed"
    NO_POLICY = "no_policy"
    NOT_APPLICABLE = "not_applicable"
    NOT_OPENED = "not_opened"


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """All clocks of a ticket as they stood at `as_of`, by kind and instance."""

    arming: Arming
    clocks: tuple[Clock, ...]
    policy: Policy | None
    as_of: datetime

    @property
    def effective_deadline(self) -> datetime | None:
        """The deadline a queue sorts by, and the moment a timer has to look again."""
        return effective_deadline(self.clocks)


def replay(facts: Iterable[Fact], as_of: datetime) -> Replay:
    """Compute a ticket's clocks.

    Args:
        facts: All that is known of one ticket, in any order, doubled or not.
        as_of: The moment to judge at; facts from a clock that runs ahead move it on.
    """
    story = tell(facts)
    if story is None:
        return Replay(arming=Arming.NOT_OPENED, clocks=(), policy=None, as_of=as_of)
    as_of = max(as_of, story.latest)
    policy = story.policies[-1][1] if story.policies else None
    clocks = _numbered(
        clock
        for arm in arms(story, _update_off_in(story))
        if (clock := judge(arm, story, as_of=as_of))
    )
    return Replay(arming=_arming(clocks, policy), clocks=clocks, policy=policy, as_of=as_of)


def _arming(clocks: tuple[Clock, ...], policy: Policy | None) -> Arming:
    if clocks:
        return Arming.ARMED
    return Arming.NOT_APPLICABLE if policy else Arming.NO_POLICY


def _update_off_in(story: Story) -> frozenset[StateMeaning]:
    """Say in which waiting states the newest policy that promises updates promises none."""
    for _, policy in reversed(story.policies):
        target = policy.target(ClockKind.UPDATE) if policy else None
        if target:
            return target.paused_in
    return DEFAULT_PAUSES[ClockKind.UPDATE]


def _numbered(clocks: Iterable[Clock]) -> tuple[Clock, ...]:
    order = {kind: number for number, kind in enumerate(ClockKind)}
    ordered = sorted(clocks, key=lambda clock: (order[clock.kind], clock.start, clock.anchor))
    seen: dict[ClockKind, int] = {}
    numbered = []
    for clock in ordered:
        seen[clock.kind] = seen.get(clock.kind, 0) + 1
        numbered.append(replace(clock, instance=seen[clock.kind]))
    return tuple(numbered)
