"""The first and the next response: from the oldest unanswered message to a person's answer."""

from otklik_sla.domain.clocks import longest
from otklik_sla.domain.kinds import ClockKind, ClockState, EndReason
from otklik_sla.domain.replay import Arming

MINUTE = 60


def test_a_first_response_runs_from_receipt_to_its_deadline(ticket, policy, moment):
    clock = ticket.opened("09:30", policy=policy(first_response=60)).first("09:45")

    assert clock.state is ClockState.RUNNING
    assert (clock.start, clock.deadline) == (moment("09:30"), moment("10:30"))
    assert (clock.worked_seconds, clock.remaining_seconds) == (15 * MINUTE, 45 * MINUTE)


def test_the_first_public_message_of_a_person_meets_it(ticket, policy, moment):
    ticket.opened("09:30", policy=policy(first_response=60)).agent("10:00").agent("10:20")

    clock = ticket.first("11:00")

    assert (clock.state, clock.met_at, clock.worked_seconds) == (
        ClockState.MET,
        moment("10:00"),
        30 * MINUTE,
    )


def test_an_answer_at_the_deadline_is_in_time_and_a_second_later_is_late(ticket, policy):
    promise = policy(first_response=60)

    in_time = ticket.opened("09:00", policy=promise).agent("10:00").first("11:00")

    assert in_time.state is ClockState.MET
    ticket.facts.pop()
    late = ticket.agent("10:00:01").first("11:00")
    assert (late.state, late.overrun_seconds, late.open) == (ClockState.BREACHED, 1, False)


def test_an_open_clock_is_breached_after_its_deadline_and_not_at_it(ticket, policy, moment):
    ticket.opened("09:00", policy=policy(first_response=60))

    assert ticket.first("10:00").state is ClockState.RUNNING
    clock = ticket.first("10:30")
    assert (clock.state, clock.breached_at) == (ClockState.BREACHED, moment("10:00"))
    assert (clock.open, clock.overrun_seconds) == (True, 30 * MINUTE)


def test_g16_a_late_first_response_is_210_minutes_over(ticket, policy):
    ticket.opened("10:30", policy=policy(first_response=60)).agent("15:00")

    clock = ticket.first("16:00")

    assert (clock.worked_seconds, clock.overrun_seconds) == (270 * MINUTE, 210 * MINUTE)


def test_bots_and_changes_of_state_do_not_answer(ticket, policy):
    ticket.opened("09:00", policy=policy(first_response=60))
    ticket.bot("09:01").goes_on("09:02").waits_for_customer("09:03").resolved("09:04")

    assert ticket.first("09:30").state is ClockState.RUNNING


def test_a_resolution_the_customer_is_told_of_is_an_answer(ticket, policy, moment):
    ticket.opened("09:00", policy=policy(first_response=60)).resolved("09:20", message_id="m1")

    assert ticket.first("12:00").met_at == moment("09:20")


def test_an_answer_is_provisional_until_its_delivery_is_accepted(ticket, policy):
    ticket.opened("09:00", policy=policy(first_response=60)).agent("09:20", "m1")

    assert ticket.first("09:30").provisional
    assert not ticket.accepted("09:21", "m1").first("09:30").provisional


def test_an_answer_that_could_not_be_delivered_never_was(ticket, policy, moment):
    ticket.opened("09:00", policy=policy(first_response=60)).agent("09:20", "m1")
    ticket.accepted("09:21", "m1").failed("09:40", "m1")

    assert ticket.first("09:50").state is ClockState.RUNNING
    assert ticket.first("10:30").breached_at == moment("10:00")
    assert ticket.agent("10:40", "m2").first("11:00").met_at == moment("10:40")


def test_one_of_two_deliveries_that_arrives_is_enough(ticket, policy):
    ticket.opened("09:00", policy=policy(first_response=60)).agent("09:20", "m1")
    ticket.failed("09:21", "m1", delivery_id="copy").accepted("09:22", "m1", delivery_id="main")

    assert ticket.first("09:30").state is ClockState.MET


def test_a_ticket_an_agent_begins_by_writing_has_no_first_response(ticket, policy, moment):
    ticket.opened("09:00", policy=policy(first_response=60, next_response=30), outbound=True)

    assert ticket.clocks("09:30") == []
    assert ticket.replay("09:30").arming is Arming.NOT_APPLICABLE
    clock = ticket.customer("10:00").next("10:10")
    assert (clock.start, clock.deadline) == (moment("10:00"), moment("10:30"))


def test_the_next_response_is_not_armed_while_the_first_is_open(ticket, policy):
    ticket.opened("09:00", policy=policy(first_response=60, next_response=30))
    ticket.customer("09:10").customer("09:50")

    assert ticket.clocks("09:55", ClockKind.NEXT_RESPONSE) == []


def test_the_oldest_unanswered_message_arms_the_next_response(ticket, policy, moment):
    ticket.opened("09:00", policy=policy(first_response=60, next_response=30)).agent("09:10")
    ticket.customer("10:00").customer("10:20")

    clock = ticket.next("10:25")

    assert (clock.instance, clock.start, clock.deadline) == (1, moment("10:00"), moment("10:30"))


def test_g17_every_exchange_has_its_own_result_and_the_worst_is_kept(ticket, policy, moment):
    ticket.opened("10:30", policy=policy(first_response=120, next_response=120))
    ticket.agent("13:00").customer("13:05")

    assert ticket.next("13:06").deadline == moment("15:05")

    ticket.agent("13:10").customer("14:00").agent("14:25")
    exchanges = ticket.clocks("15:00", ClockKind.NEXT_RESPONSE)
    assert [(clock.instance, clock.worked_seconds // MINUTE) for clock in exchanges] == [
        (1, 5),
        (2, 25),
    ]
    first = ticket.first("15:00")
    assert (first.worked_seconds // MINUTE, first.overrun_seconds // MINUTE) == (150, 30)


def test_g31_a_quick_second_reply_does_not_hide_a_slow_one(ticket, policy):
    ticket.opened("09:00", policy=policy(first_response=60, next_response=60)).agent("09:10")
    ticket.customer("10:00").agent("10:10").customer("11:00").agent("11:05")

    worst = longest(ticket.replay("12:00").clocks, ClockKind.NEXT_RESPONSE)

    assert worst.total_seconds() == 10 * MINUTE


def test_a_mail_nobody_had_seen_when_answering_is_not_answered(ticket, policy, moment):
    ticket.opened("09:00", policy=policy(first_response=60, next_response=30), sequence=1)
    ticket.agent("10:02", sequence=5).customer("10:00", sequence=6)

    clock = ticket.next("10:05")

    assert (clock.state, clock.start) == (ClockState.RUNNING, moment("10:00"))


def test_a_machine_written_reply_asks_nothing(ticket, policy):
    ticket.opened("09:00", policy=policy(first_response=60, next_response=30)).agent("09:10")
    ticket.customer("09:11", automatic=True)

    assert ticket.clocks("10:00", ClockKind.NEXT_RESPONSE) == []


def test_thanks_after_the_resolution_arms_nothing_by_itself(ticket, policy):
    ticket.opened("09:00", policy=policy(first_response=60, next_response=30, resolution=480))
    ticket.agent("09:10").resolved("10:00").customer("10:30")

    assert ticket.clocks("11:00", ClockKind.NEXT_RESPONSE) == []
    assert ticket.resolution("11:00").state is ClockState.MET


def test_a_message_that_reopens_is_waited_for_from_its_receipt(ticket, policy, moment):
    ticket.opened("09:00", policy=policy(first_response=60, next_response=30)).agent("09:10")
    ticket.resolved("10:00").customer("11:00").reopened("11:00")

    clock = ticket.next("11:10")

    assert (clock.start, clock.deadline) == (moment("11:00"), moment("11:30"))


def test_a_clock_ends_without_a_verdict_when_the_ticket_is_closed_unanswered(
    ticket, policy, moment
):
    ticket.opened("09:00", policy=policy(first_response=60)).closed("09:30")

    clock = ticket.first("12:00")

    assert (clock.state, clock.ended_at, clock.end_reason) == (
        ClockState.CANCELLED,
        moment("09:30"),
        EndReason.CLOSED,
    )


def test_a_bot_that_resolved_makes_nobody_late_five_days_later(ticket, policy, moment):
    ticket.opened("2025-03-12 09:00", policy=policy(first_response=60))
    ticket.resolved("2025-03-12 09:01", by_bot=True, message_id="b1")
    ticket.customer("2025-03-17 10:00").reopened("2025-03-17 10:00").agent("2025-03-17 10:10")

    served, asked_again = ticket.clocks("2025-03-17 12:00", ClockKind.FIRST_RESPONSE)

    assert (served.state, served.end_reason) == (ClockState.CANCELLED, EndReason.RESOLVED_BY_BOT)
    assert (asked_again.state, asked_again.worked_seconds) == (ClockState.MET, 10 * MINUTE)


def test_a_first_answer_before_the_receipt_took_no_time(ticket, policy):
    ticket.opened("09:00", policy=policy(first_response=60), sequence=1)
    ticket.agent("08:59:58", sequence=2)

    clock = ticket.first("10:00")

    assert (clock.state, clock.worked_seconds) == (ClockState.MET, 0)


def test_an_answer_in_closed_hours_counts_when_it_was_given(ticket, policy, moment):
    ticket.opened("17:30", policy=policy(first_response=60)).agent("21:00")

    clock = ticket.first("2025-03-13 12:00")

    assert (clock.state, clock.met_at) == (ClockState.MET, moment("21:00"))
    assert clock.worked_seconds == 30 * MINUTE
