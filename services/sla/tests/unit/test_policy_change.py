"""A change of what is promised: the target changes, the past does not."""

from dataclasses import replace

import pytest

from otklik_sla.domain.calendar_parsing import parse_calendar
from otklik_sla.domain.hours import Label
from otklik_sla.domain.kinds import ClockKind, ClockState, EndReason
from otklik_sla.domain.replay import Arming

HOUR = 60


@pytest.fixture
def p1(policy):
    return policy("p1", resolution=2 * HOUR)


@pytest.fixture
def p3(policy):
    return policy("p3", resolution=8 * HOUR)


def test_r5_a_deadline_already_past_at_the_change_is_a_breach_by_change(ticket, p1, p3, moment):
    ticket.opened("09:00", policy=p3).policy("12:00", p1)

    clock = ticket.resolution("12:00")

    assert (clock.state, clock.deadline) == (ClockState.BREACHED_BY_CHANGE, moment("11:00"))
    assert clock.breached_at == moment("12:00")
    (change,) = clock.changes
    assert (change.policy_before, change.policy_after) == ("p3@1", "p1@1")
    assert (change.changed_at, change.deadline_before, change.deadline_after) == (
        moment("12:00"),
        moment("17:00"),
        moment("11:00"),
    )


def test_a_change_in_time_is_counted_from_the_original_start(ticket, p1, p3, moment):
    ticket.opened("09:00", policy=p3).policy("10:00", p1)

    clock = ticket.resolution("10:30")

    assert (clock.state, clock.start, clock.deadline) == (
        ClockState.RUNNING,
        moment("09:00"),
        moment("11:00"),
    )
    assert ticket.resolution("11:30").state is ClockState.BREACHED


def test_a_breach_before_a_deescalation_stays(ticket, p1, p3, moment):
    ticket.opened("09:00", policy=p1).policy("12:00", p3)

    clock = ticket.resolution("12:30")

    assert (clock.state, clock.breached_at, clock.deadline) == (
        ClockState.BREACHED,
        moment("11:00"),
        moment("11:00"),
    )


def test_a_change_after_the_clock_was_met_judges_nothing_again(ticket, p1, p3):
    ticket.opened("09:00", policy=p3).resolved("14:00").policy("15:00", p1)

    clock = ticket.resolution("16:00")

    assert (clock.state, clock.policy, clock.changes) == (ClockState.MET, "p3@1", ())


def test_a_change_while_paused_keeps_the_pause(ticket, p1, p3, moment):
    ticket.opened("09:00", policy=p3).waits_for_customer("10:00").policy("12:00", p1)

    assert ticket.resolution("12:30").state is ClockState.PAUSED

    clock = ticket.customer("14:00").resolution("14:10")
    assert (clock.state, clock.deadline) == (ClockState.RUNNING, moment("15:00"))


def test_a_policy_that_came_after_the_message_counts_from_its_receipt(ticket, p3, moment):
    ticket.opened("09:00")

    assert ticket.replay("09:30").arming is Arming.NO_POLICY

    clock = ticket.policy("10:00", p3).resolution("10:30")
    assert (clock.state, clock.start, clock.deadline) == (
        ClockState.RUNNING,
        moment("09:00"),
        moment("17:00"),
    )


def test_a_policy_found_too_late_is_no_breach_of_ours(ticket, p1):
    ticket.opened("09:00").policy("09:00", None).policy("12:00", p1)

    assert ticket.resolution("12:30").state is ClockState.BREACHED_BY_CHANGE


def test_a_kind_the_new_policy_does_not_promise_ends_without_a_verdict(ticket, policy, p3, moment):
    both = policy("both", first_response=HOUR, resolution=8 * HOUR)
    ticket.opened("09:00", policy=both).policy("09:30", p3).agent("11:00")

    clock = ticket.first("12:00")

    assert (clock.state, clock.ended_at, clock.end_reason) == (
        ClockState.CANCELLED,
        moment("09:30"),
        EndReason.POLICY_CHANGED,
    )
    assert ticket.resolution("12:00").state is ClockState.RUNNING


def test_a_ticket_that_no_policy_matches_any_more_has_no_running_clock(ticket, p3):
    ticket.opened("09:00", policy=p3).policy("10:00", None)

    (clock,) = ticket.clocks("11:00")

    assert clock.state is ClockState.CANCELLED
    assert ticket.replay("11:00").effective_deadline is None


def test_a_holiday_declared_today_moves_open_clocks_and_keeps_past_breaches(
    ticket, policy, office, moment
):
    promise = policy("p", first_response=HOUR, resolution=8 * HOUR)
    closed_today = replace(
        office, version=2, holidays={moment("09:00").date(): Label(ru="Траур", en="Mourning")}
    )
    edited = replace(
        promise,
        targets=tuple(replace(target, calendar=closed_today) for target in promise.targets),
    )
    ticket.opened("09:00", policy=promise).policy("15:00", edited)

    assert ticket.first("16:00").state is ClockState.BREACHED
    assert ticket.first("16:00").calendar.version == 1
    resolution = ticket.resolution("16:00")
    assert resolution.deadline == moment("2025-03-13 17:00")
    assert resolution.calendar.version == 2


def test_g14_swapping_the_calendar_counts_from_the_original_start(ticket, policy, moment):
    sunday = parse_calendar("UTC", {"sun": [["09:00", "17:00"]]})
    monday = parse_calendar("UTC", {"mon": [["09:00", "17:00"]]})
    ticket.opened("2007-01-01 03:00", policy=policy("sun", calendar=sunday, resolution=HOUR))

    assert ticket.resolution("2007-01-01 03:10").deadline == moment("2007-01-07 13:00")

    ticket.policy("2007-01-01 03:20", policy("mon", calendar=monday, resolution=HOUR))
    assert ticket.resolution("2007-01-01 03:30").deadline == moment("2007-01-01 13:00")


def test_a_clock_armed_after_a_change_knows_only_the_new_policy(ticket, policy, moment):
    slow, quick = policy("slow", next_response=HOUR), policy("quick", next_response=30)
    ticket.opened("09:00", policy=slow).agent("09:10").policy("10:00", quick).customer("11:00")

    clock = ticket.next("11:10")

    assert (clock.policy, clock.deadline, clock.changes) == ("quick@1", moment("11:30"), ())
    assert clock.kind is ClockKind.NEXT_RESPONSE
