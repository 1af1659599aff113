"""What is said when something changes: each thing once, and corrections as loudly."""

import pytest

from otklik_sla.domain.events import (
    ClockBreached,
    ClockCancelled,
    ClockConfirmed,
    ClockDeadlineMoved,
    ClockMet,
    ClockPaused,
    ClockResumed,
    ClockStarted,
    Verdict,
    VerdictWithdrawn,
    changes,
)
from otklik_sla.domain.kinds import ClockKind, EndReason, StateMeaning


@pytest.fixture
def said(ticket):
    """Say what changed between the ticket as it was and as one more fact makes it."""

    def tell(before_time, fact=None, after_time=None):
        before = ticket.replay(before_time).clocks
        if fact:
            fact(ticket)
        after = ticket.replay(after_time or before_time).clocks
        return list(changes(before, after))

    return tell


def names(facts):
    return [type(fact).__name__ for fact in facts]


def test_opening_a_ticket_starts_its_clocks(ticket, policy, moment):
    ticket.opened("09:00", policy=policy(first_response=60, resolution=240))

    started = changes((), ticket.replay("09:00").clocks)

    assert [(fact.kind, fact.deadline, fact.policy) for fact in started] == [
        (ClockKind.FIRST_RESPONSE, moment("10:00"), "standard@1"),
        (ClockKind.RESOLUTION, moment("13:00"), "standard@1"),
    ]
    assert all(isinstance(fact, ClockStarted) for fact in started)


def test_waiting_pauses_and_the_answer_resumes_to_a_later_deadline(ticket, policy, said, moment):
    ticket.opened("09:00", policy=policy(resolution=240))

    (paused,) = said("09:30", lambda it: it.waits_for_customer("09:40"))
    (resumed,) = said("10:00", lambda it: it.customer("10:40"))

    assert isinstance(paused, ClockPaused)
    assert (paused.occurred_at, paused.reason) == (
        moment("09:40"),
        StateMeaning.WAITING_FOR_CUSTOMER,
    )
    assert isinstance(resumed, ClockResumed)
    assert (resumed.occurred_at, resumed.deadline) == (moment("10:40"), moment("14:00"))


def test_a_wait_that_passes_into_another_resumes_nothing(ticket, policy, said):
    ticket.opened("09:00", policy=policy(first_response=60, next_response=60)).agent("09:10")
    ticket.customer("10:00").waits_for_customer("10:10")

    facts = said("10:20", lambda it: it.waits_for_supplier("10:30"))

    assert names(facts) == ["ClockPaused"]


def test_an_answer_meets_the_clock_and_its_delivery_confirms_it(ticket, policy, said, moment):
    ticket.opened("09:00", policy=policy(first_response=60))

    (met,) = said("09:10", lambda it: it.agent("09:20", "m1"))
    (confirmed,) = said("09:25", lambda it: it.accepted("09:24", "m1"))

    assert isinstance(met, ClockMet)
    assert (met.occurred_at, met.worked_seconds, met.late, met.provisional) == (
        moment("09:20"),
        1200,
        False,
        True,
    )
    assert isinstance(confirmed, ClockConfirmed)


def test_a_bounce_takes_the_met_back(ticket, policy, said, moment):
    ticket.opened("09:00", policy=policy(first_response=60)).agent("09:20", "m1")

    (withdrawn,) = said("09:30", lambda it: it.failed("09:35", "m1"))

    assert isinstance(withdrawn, VerdictWithdrawn)
    assert (withdrawn.verdict, withdrawn.occurred_at) == (Verdict.MET, moment("09:20"))


def test_a_breach_is_said_once_and_occurred_at_the_deadline(ticket, policy, said, moment):
    ticket.opened("09:00", policy=policy(first_response=60))

    (breached,) = said("09:30", after_time="10:30")

    assert isinstance(breached, ClockBreached)
    assert (breached.occurred_at, breached.by_change) == (moment("10:00"), False)
    assert said("10:30", after_time="12:00") == []


def test_a_late_answer_is_met_late_and_breaches_nothing_again(ticket, policy, said):
    ticket.opened("09:00", policy=policy(first_response=60))

    (met,) = said("10:30", lambda it: it.agent("10:40"))

    assert isinstance(met, ClockMet)
    assert met.late


def test_an_answer_learned_late_takes_the_breach_back(ticket, policy, said):
    ticket.opened("09:00", policy=policy(first_response=60))

    withdrawn, met = said("10:30", lambda it: it.agent("09:50"))

    assert isinstance(withdrawn, VerdictWithdrawn)
    assert withdrawn.verdict is Verdict.BREACHED
    assert isinstance(met, ClockMet)
    assert not met.late


def test_reopening_takes_the_met_back_and_holds_the_time_between(ticket, policy, said):
    ticket.opened("09:00", policy=policy(resolution=240)).resolved("10:00")

    facts = said("11:00", lambda it: it.reopened("12:00"))

    assert names(facts) == ["VerdictWithdrawn", "ClockPaused", "ClockResumed"]
    assert facts[1].reason is StateMeaning.RESOLVED


def test_a_new_policy_moves_the_deadline(ticket, policy, said, moment):
    ticket.opened("09:00", policy=policy("p3", resolution=480))

    (moved,) = said("10:00", lambda it: it.policy("10:30", policy("p2", resolution=240)))

    assert isinstance(moved, ClockDeadlineMoved)
    assert (moved.deadline_before, moved.deadline) == (moment("17:00"), moment("13:00"))


def test_a_breach_by_change_says_so(ticket, policy, said):
    ticket.opened("09:00", policy=policy("p3", resolution=480))

    facts = said("11:50", lambda it: it.policy("12:00", policy("p1", resolution=120)))

    assert names(facts) == ["ClockDeadlineMoved", "ClockBreached"]
    assert facts[-1].by_change


def test_a_clock_that_late_news_undoes_is_cancelled_as_corrected(ticket, policy, said):
    ticket.opened("09:00", policy=policy(first_response=120, next_response=60), sequence=1)
    ticket.agent("09:10", "m1", sequence=2).customer("10:00", sequence=3)

    facts = said("10:10", lambda it: it.failed("10:05", "m1"))

    assert names(facts) == ["ClockCancelled", "VerdictWithdrawn"]
    assert isinstance(facts[0], ClockCancelled)
    assert facts[0].reason is EndReason.CORRECTED


def test_a_late_message_that_slips_in_between_keeps_the_names_of_later_clocks(ticket, policy, said):
    ticket.opened("09:00", policy=policy(first_response=60, next_response=60))
    ticket.agent("09:10").agent("10:30").customer("11:00")

    facts = said("11:10", lambda it: it.customer("10:00"))

    assert names(facts) == ["ClockStarted", "ClockMet"]
    assert facts[0].instance == 1
    assert [clock.instance for clock in ticket.clocks("11:10", ClockKind.NEXT_RESPONSE)] == [1, 2]
