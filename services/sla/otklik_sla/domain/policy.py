"""Policies: what is promised to whom, as data.

A policy matches tickets by segment, service, priority and channel, and has one target for each
kind of clock it promises. Versions never change: an edit makes the next one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from otklik_runtime.errors import InvalidInput
from otklik_sla.domain.calendar import Calendar
from otklik_sla.domain.hours import Label
from otklik_sla.domain.intervals import NO_LABEL
from otklik_sla.domain.kinds import WAITING, ClockKind, StateMeaning

# A first response never waits for anybody; supplier time is our time, because it is our supplier.
DEFAULT_PAUSES: dict[ClockKind, frozenset[StateMeaning]] = {
    ClockKind.FIRST_RESPONSE: frozenset(),
    ClockKind.NEXT_RESPONSE: WAITING,
    ClockKind.UPDATE: frozenset({StateMeaning.WAITING_FOR_CUSTOMER}),
    ClockKind.RESOLUTION: frozenset({StateMeaning.WAITING_FOR_CUSTOMER}),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One promise: so many worked seconds in a calendar.

    `seconds` of None arms no clock. `pauses` are the waiting states that do not count; None is the
    default of the kind. An update clock is not paused in them: it is not armed at all.
    """

    kind: ClockKind
    seconds: int | None
    calendar: Calendar
    pauses: frozenset[StateMeaning] | None = None

    def __post_init__(self) -> None:
        if self.seconds is not None and self.seconds <= 0:
            raise InvalidInput(
                "target_not_positive",
                f"the target of {self.kind} must be above zero; leave it out to promise nothing",
                field=f"targets.{self.kind}",
                value=self.seconds,
            )
        if self.pauses is not None and not self.pauses <= WAITING:
            raise InvalidInput(
                "pause_invalid",
                f"{self.kind} can pause only while it waits for the customer or for a supplier",
                field=f"targets.{self.kind}.pauses",
            )

    @property
    def paused_in(self) -> frozenset[StateMeaning]:
        """The waiting states in which time does not count."""
        return DEFAULT_PAUSES[self.kind] if self.pauses is None else self.pauses


@dataclass(frozen=True, kw_only=True, slots=True)
class Traits:
    """What a ticket is, as far as policies ask."""

    segment: str = ""
    service: str = ""
    priority: str = ""
    channel: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """One version of a set of promises; an empty condition matches any ticket."""

    id: str
    version: int = 1
    name: Label = NO_LABEL
    segments: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    priorities: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    targets: tuple[Target, ...] = ()

    def __post_init__(self) -> None:
        kinds = [target.kind for target in self.targets]
        for kind in ClockKind:
            if kinds.count(kind) > 1:
                raise InvalidInput(
                    "target_doubled",
                    f"the policy has two targets for {kind}; keep one",
                    field=f"targets.{kind}",
                )

    def matches(self, traits: Traits) -> bool:
        """Whether every condition holds for a ticket."""
        return all(not allowed or value in allowed for allowed, value in self._conditions(traits))

    @property
    def specificity(self) -> int:
        """How many conditions it has."""
        return sum(1 for allowed, _ in self._conditions(Traits()) if allowed)

    def target(self, kind: ClockKind) -> Target | None:
        """Give the promise for a kind of clock; None when nothing is promised."""
        for target in self.targets:
            if target.kind is kind and target.seconds is not None:
                return target
        return None

    @property
    def reference(self) -> str:
        """Its name with its version, as other services see it."""
        return f"{self.id}@{self.version}"

    def _conditions(self, traits: Traits) -> tuple[tuple[frozenset[str], str], ...]:
        return (
            (self.segments, traits.segment),
            (self.services, traits.service),
            (self.priorities, traits.priority),
            (self.channels, traits.channel),
        )


def choose_policy(policies: Iterable[Policy], traits: Traits) -> Policy | None:
    """Choose the newest version of the policy with the most conditions that all hold.

    Among equals the first by id wins, so that every replica chooses the same. None is a fact to
    raise an alert about, never a reason to invent a promise.
    """
    newest: dict[str, Policy] = {}
    for policy in policies:
        known = newest.get(policy.id)
        if known is None or policy.version > known.version:
            newest[policy.id] = policy
    matching = [policy for policy in newest.values() if policy.matches(traits)]
    return min(matching, key=lambda policy: (-policy.specificity, policy.id), default=None)
