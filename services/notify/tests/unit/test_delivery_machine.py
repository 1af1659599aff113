"""The state machine of deliveries, driven by everything that can happen, in any order."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from otklik_notify.domain.delivery import BACKOFF, PATIENCE, Delivery, Result, State, Verdict
from otklik_notify.domain.errors import DeliverySettled
from otklik_notify.domain.events import DeliveryAccepted, DeliveryFailed

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
LEASE = timedelta(seconds=180)


def delivery() -> Delivery:
    return Delivery(
        id="d",
        conversation_id="c",
        template="answer",
        locale="ru",
        channel="email",
        message_id="m",
        internet_message_id="<otklik.t.d@example.com>",
        created_at=NOW,
        due_at=NOW,
    )


def result(of: Delivery, verdict: Verdict, **changes: object) -> Result:
    facts = {"delivery_id": of.id, "attempt": of.attempt_count, "verdict": verdict}
    return Result(**{**facts, **changes})


class DeliveryMachine(RuleBasedStateMachine):
    """Senders that work, die and answer late; a server that says anything; and a world that
    counts every copy that really left.
    """

    @initialize()
    def queue(self) -> None:
        self.now = NOW
        self.delivery = delivery()
        self.flying: list[int] = []  # attempts whose sender still lives
        self.copies = 0
        self.unknown = 0  # attempts that ended without anybody knowing how
        self.said: list[object] = []

    def conclude(self, verdict: Verdict, attempt: int, **changes: object) -> None:
        event = self.delivery.conclude(
            result(self.delivery, verdict, attempt=attempt, **changes), self.now
        )
        if event is not None:
            self.said.append(event)

    @rule(seconds=st.integers(min_value=1, max_value=4000))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: not self.delivery.is_settled and self.delivery.due_at <= self.now)
    @rule()
    def a_sender_takes_it(self) -> None:
        before = self.delivery.state
        self.delivery.begin(self.now, lease=LEASE)
        self.flying.append(self.delivery.attempt_count)
        if before is State.SENDING:
            self.unknown += 1

    @precondition(lambda self: self.flying)
    @rule(pick=st.integers(min_value=0))
    def the_server_accepts(self, pick: int) -> None:
        attempt = self.flying.pop(pick % len(self.flying))
        self.copies += 1
        self.conclude(Verdict.ACCEPTED, attempt)

    @precondition(lambda self: self.flying)
    @rule(pick=st.integers(min_value=0))
    def the_sender_dies_after_the_server_accepted(self, pick: int) -> None:
        self.flying.pop(pick % len(self.flying))
        self.copies += 1

    @precondition(lambda self: self.flying)
    @rule(pick=st.integers(min_value=0))
    def the_sender_dies_before_anything_left(self, pick: int) -> None:
        self.flying.pop(pick % len(self.flying))

    @precondition(lambda self: self.flying)
    @rule(pick=st.integers(min_value=0))
    def the_server_refuses_for_now(self, pick: int) -> None:
        attempt = self.flying.pop(pick % len(self.flying))
        self.conclude(Verdict.RETRY, attempt, reason="server_busy")

    @precondition(lambda self: self.flying)
    @rule(pick=st.integers(min_value=0))
    def the_answer_is_lost(self, pick: int) -> None:
        attempt = self.flying.pop(pick % len(self.flying))
        self.copies += 1
        current = attempt == self.delivery.attempt_count
        if current and self.delivery.state is State.SENDING:
            self.unknown += 1
        self.conclude(Verdict.RETRY, attempt, reason="answer_lost", in_doubt=True)

    @precondition(lambda self: self.flying)
    @rule(pick=st.integers(min_value=0))
    def the_server_refuses_for_good(self, pick: int) -> None:
        attempt = self.flying.pop(pick % len(self.flying))
        self.conclude(Verdict.REFUSED, attempt, reason="address_refused")

    @precondition(lambda self: self.flying)
    @rule(pick=st.integers(min_value=0))
    def the_sender_gives_it_back(self, pick: int) -> None:
        attempt = self.flying.pop(pick % len(self.flying))
        self.conclude(Verdict.NOT_BEGUN, attempt)

    @invariant()
    def the_end_is_said_once_and_stays(self) -> None:
        assert len(self.said) == (1 if self.delivery.is_settled else 0)
        if self.said:
            kind = DeliveryAccepted if self.delivery.state is State.ACCEPTED else DeliveryFailed
            assert isinstance(self.said[0], kind)

    @invariant()
    def copies_leave_only_through_attempts(self) -> None:
        assert self.copies <= self.delivery.attempt_count

    @invariant()
    def a_second_copy_is_always_marked_in_doubt(self) -> None:
        if self.copies > 1:
            assert self.delivery.in_doubt
        assert self.delivery.in_doubt == (self.unknown > 0)

    @invariant()
    def something_is_always_due_until_it_has_ended(self) -> None:
        if not self.delivery.is_settled:
            assert self.delivery.due_at <= self.now + max(LEASE, BACKOFF[-1])

    @invariant()
    def its_message_id_never_changes(self) -> None:
        assert self.delivery.internet_message_id == "<otklik.t.d@example.com>"


DeliveryMachine.TestCase.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None
)
TestDeliveryMachine = DeliveryMachine.TestCase


def test_it_waits_longer_after_each_attempt():
    one = delivery()
    waits = []
    now = NOW
    for _ in range(9):
        one.begin(now, lease=LEASE)
        one.conclude(result(one, Verdict.RETRY, reason="busy"), now)
        waits.append((one.due_at - now).total_seconds())
        now = one.due_at

    assert waits == [1, 5, 30, 120, 600, 1800, 3600, 3600, 3600]


def test_it_is_given_up_after_a_day_with_the_last_reason():
    one = delivery()
    now, event = NOW, None
    while event is None:
        one.begin(now, lease=LEASE)
        event = one.conclude(result(one, Verdict.RETRY, reason="server_unreachable"), now)
        now = max(one.due_at, now)

    assert isinstance(event, DeliveryFailed)
    assert event.reason == "server_unreachable"
    assert NOW + PATIENCE - BACKOFF[-1] < now <= NOW + PATIENCE


def test_a_lease_that_ran_out_leaves_it_in_doubt():
    one = delivery()
    one.begin(NOW, lease=LEASE)
    one.begin(NOW + LEASE, lease=LEASE)
    event = one.conclude(result(one, Verdict.ACCEPTED), NOW + LEASE)

    assert isinstance(event, DeliveryAccepted)
    assert event.in_doubt
    assert one.attempt_count == 2


def test_what_was_given_back_is_not_in_doubt():
    one = delivery()
    one.begin(NOW, lease=LEASE)
    one.conclude(result(one, Verdict.NOT_BEGUN), NOW)

    assert one.state is State.QUEUED
    assert not one.in_doubt


def test_a_late_refusal_of_an_overtaken_attempt_changes_nothing():
    one = delivery()
    one.begin(NOW, lease=LEASE)
    one.begin(NOW + LEASE, lease=LEASE)
    event = one.conclude(result(one, Verdict.REFUSED, attempt=1, reason="late"), NOW + LEASE)

    assert event is None
    assert one.state is State.SENDING


@pytest.mark.parametrize("verdict", [Verdict.ACCEPTED, Verdict.REFUSED])
def test_nothing_begins_after_the_end(verdict):
    one = delivery()
    one.begin(NOW, lease=LEASE)
    one.conclude(result(one, verdict, reason="x"), NOW)

    with pytest.raises(DeliverySettled):
        one.begin(NOW, lease=LEASE)
