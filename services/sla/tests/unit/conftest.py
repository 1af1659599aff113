"""A ticket told in wall time: `ticket.opened("09:00").agent("10:15").clocks("11:00")`."""

from datetime import datetime
from itertools import count
from zoneinfo import ZoneInfo

import pytest

from otklik_sla.domain.calendar_parsing import parse_calendar
from otklik_sla.domain.facts import (
    AgentMessage,
    CustomerMessage,
    DeliveryAccepted,
    DeliveryFailed,
    Opened,
    PolicyApplied,
    Reopened,
    Resolved,
    StateChanged,
)
from otklik_sla.domain.hours import Label
from otklik_sla.domain.kinds import ClockKind, StateMeaning
from otklik_sla.domain.policy import Policy, Target
from otklik_sla.domain.replay import replay

MOSCOW = ZoneInfo("Europe/Moscow")
OFFICE = parse_calendar(
    "Europe/Moscow",
    {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
    calendar_id="office",
    name=Label(ru="Офис", en="Office"),
)


def at(text: str) -> datetime:
    """Read "15:30" as a time of Wednesday 12 March 2025 in Moscow, or a whole date and time."""
    whole = text if " " in text else f"2025-03-12 {text}"
    return datetime.fromisoformat(whole).replace(tzinfo=MOSCOW)


class Ticket:
    """Collects facts; each call tells one more and returns the ticket."""

    def __init__(self) -> None:
        self.facts = []
        self.numbers = count(1)

    def _tell(self, kind, time, *, sequence=0, **facts):
        number = next(self.numbers)
        self.facts.append(
            kind(fact_id=f"fact-{number:03}", occurred_at=at(time), sequence=sequence, **facts)
        )
        return self

    def opened(self, time, *, policy=None, **facts):
        self._tell(Opened, time, **facts)
        if policy:
            self._tell(PolicyApplied, time, policy=policy, sequence=facts.get("sequence", 0))
        return self

    def policy(self, time, policy, **facts):
        return self._tell(PolicyApplied, time, policy=policy, **facts)

    def customer(self, time, **facts):
        return self._tell(CustomerMessage, time, **facts)

    def agent(self, time, message_id=None, **facts):
        return self._tell(AgentMessage, time, message_id=message_id or f"mail at {time}", **facts)

    def bot(self, time):
        return self._tell(AgentMessage, time, message_id=f"bot at {time}", human=False)

    def waits_for_customer(self, time, **facts):
        return self._state(time, StateMeaning.WAITING_FOR_CUSTOMER, **facts)

    def waits_for_supplier(self, time, **facts):
        return self._state(time, StateMeaning.WAITING_FOR_SUPPLIER, **facts)

    def goes_on(self, time, **facts):
        return self._state(time, StateMeaning.OPEN, **facts)

    def closed(self, time, **facts):
        return self._state(time, StateMeaning.CLOSED, **facts)

    def resolved(self, time, **facts):
        return self._tell(Resolved, time, **facts)

    def reopened(self, time, **facts):
        return self._tell(Reopened, time, **facts)

    def accepted(self, time, message_id, **facts):
        return self._tell(DeliveryAccepted, time, message_id=message_id, **facts)

    def failed(self, time, message_id, **facts):
        return self._tell(DeliveryFailed, time, message_id=message_id, **facts)

    def _state(self, time, meaning, **facts):
        return self._tell(StateChanged, time, meaning=meaning, **facts)

    def replay(self, time):
        return replay(self.facts, at(time))

    def clocks(self, time, kind=None):
        return [clock for clock in self.replay(time).clocks if kind is None or clock.kind is kind]

    def first(self, time):
        return self.clocks(time, ClockKind.FIRST_RESPONSE)[-1]

    def next(self, time):
        return self.clocks(time, ClockKind.NEXT_RESPONSE)[-1]

    def update(self, time):
        return self.clocks(time, ClockKind.UPDATE)[-1]

    def resolution(self, time):
        return self.clocks(time, ClockKind.RESOLUTION)[-1]


@pytest.fixture
def ticket():
    return Ticket()


@pytest.fixture
def moment():
    return at


@pytest.fixture
def office():
    return OFFICE


@pytest.fixture
def policy():
    """Build a policy: `policy(first_response=60, resolution=480)`, targets in minutes."""

    def build(policy_id="standard", *, calendar=OFFICE, pauses=None, **minutes):
        return Policy(
            id=policy_id,
            targets=tuple(
                Target(
                    kind=ClockKind(kind),
                    seconds=target and target * 60,
                    calendar=calendar,
                    pauses=(pauses or {}).get(kind),
                )
                for kind, target in minutes.items()
            ),
        )

    return build
