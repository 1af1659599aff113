"""The resolution clock, which goes on when reopened, and the update clock, which restarts."""

from otklik_sla.domain.kinds import ClockKind, ClockState, EndReason, StateMeaning

MINUTE = 60


def test_waiting_for_the_customer_pauses_the_resolution_and_not_the_first_response(
    ticket, policy, moment
):
    ticket.opened("09:00", policy=policy(first_response=60, resolution=240))
    ticket.waits_for_customer("09:30")

    paused = ticket.resolution("12:00")

    assert (paused.state, paused.deadline, paused.paused_since) == (
        ClockState.PAUSED,
        None,
        moment("09:30"),
    )
    assert paused.remaining_seconds == 210 * MINUTE
    assert ticket.first("09:45").state is ClockState.RUNNING


def test_supplier_time_counts_for_the_resolution(ticket, policy, moment):
    ticket.opened("09:00", policy=policy(resolution=240)).waits_for_supplier("09:30")

    assert ticket.resolution("10:00").deadline == moment("13:00")


def test_a_policy_may_pause_for_the_supplier(ticket, policy, moment):
    promise = policy(
        resolution=240, pauses={"resolution": frozenset({StateMeaning.WAITING_FOR_SUPPLIER})}
    )
    ticket.opened("09:00", policy=promise).waits_for_supplier("10:00").goes_on("11:00")

    assert ticket.resolution("12:00").deadline == moment("14:00")


def test_the_customers_message_ends_the_waiting_at_its_receipt(ticket, policy, moment):
    ticket.opened("09:00", policy=policy(resolution=240))
    ticket.waits_for_customer("09:30").customer("10:30")

    clock = ticket.resolution("11:00")

    assert (clock.state, clock.deadline) == (ClockState.RUNNING, moment("14:00"))


def test_a_message_received_before_the_desk_began_to_wait_leaves_no_pause(ticket, policy, moment):
    ticket.opened("09:00", policy=policy(resolution=240), sequence=1)
    ticket.waits_for_customer("12:00", sequence=2).customer("11:58", sequence=3)
    ticket.goes_on("11:58", sequence=4)

    clock = ticket.resolution("12:30")

    assert (clock.state, clock.pauses, clock.deadline) == (ClockState.RUNNING, (), moment("13:00"))


def test_a_reopened_resolution_goes_on_and_its_met_is_withdrawn(ticket, policy, moment):
    ticket.opened("09:00", policy=policy(resolution=240)).resolved("10:00")

    assert ticket.resolution("10:30").met_at == moment("10:00")

    clock = ticket.reopened("12:00").resolution("12:30")
    assert (clock.instance, clock.state, clock.met_at) == (1, ClockState.RUNNING, None)
    assert clock.deadline == moment("15:00")
    assert [(pause.reason, pause.end) for pause in clock.pauses] == [
        (StateMeaning.RESOLVED, moment("12:00"))
    ]


def test_a_reopening_in_closed_hours_adds_only_worked_time(ticket, policy, moment):
    ticket.opened("09:00", policy=policy(resolution=600)).resolved("17:00")
    ticket.reopened("22:00")

    clock = ticket.resolution("23:00")

    assert (clock.worked_seconds, clock.deadline) == (480 * MINUTE, moment("2025-03-13 11:00"))


def test_paused_and_resolved_in_one_save_holds_only_the_pause(ticket, policy, moment):
    ticket.opened("09:00", policy=policy(resolution=240)).waits_for_customer("10:00")
    ticket.resolved("15:00")

    clock = ticket.resolution("16:00")

    assert (clock.state, clock.worked_seconds) == (ClockState.MET, 60 * MINUTE)
    assert [(pause.start, pause.end) for pause in clock.pauses] == [
        (moment("10:00"), moment("15:00"))
    ]


def test_closing_after_the_resolution_changes_nothing(ticket, policy, moment):
    ticket.opened("09:00", policy=policy(resolution=240)).resolved("10:00")
    ticket.closed("2025-03-20 10:00")

    assert ticket.resolution("2025-03-21 10:00").met_at == moment("10:00")


def test_a_ticket_closed_unresolved_has_no_verdict(ticket, policy):
    ticket.opened("09:00", policy=policy(resolution=240)).closed("10:00")

    clock = ticket.resolution("16:00")

    assert (clock.state, clock.end_reason) == (ClockState.CANCELLED, EndReason.CLOSED)


def test_r4_a_pause_over_a_weekend(ticket, policy, office, moment):
    ticket.opened("2025-03-14 14:30", policy=policy(resolution=240, calendar=office))
    ticket.waits_for_customer("2025-03-14 17:00").goes_on("2025-03-17 11:00")

    assert ticket.resolution("2025-03-17 11:30").deadline == moment("2025-03-17 12:30")


def test_g18_pending_and_closed_time_moves_the_resolution(ticket, policy, moment):
    ticket.opened("10:00", policy=policy(resolution=120)).waits_for_customer("10:30")
    ticket.goes_on("10:45").resolved("11:00").reopened("11:30")

    assert ticket.resolution("11:45").deadline == moment("12:45")


def test_an_update_restarts_with_every_public_message(ticket, policy, moment):
    ticket.opened("09:00", policy=policy(update=120)).agent("10:00").agent("11:30")

    first, second, third = ticket.clocks("12:00", ClockKind.UPDATE)

    assert [first.state, second.state, third.state] == [
        ClockState.MET,
        ClockState.MET,
        ClockState.RUNNING,
    ]
    assert (third.start, third.deadline) == (moment("11:30"), moment("13:30"))


def test_no_update_is_owed_while_the_customer_is_waited_for(ticket, policy, moment):
    ticket.opened("09:00", policy=policy(update=120)).agent("10:00").waits_for_customer("10:00")

    assert [clock.state for clock in ticket.clocks("16:00", ClockKind.UPDATE)] == [ClockState.MET]

    clock = ticket.customer("16:30").update("16:40")
    assert (clock.start, clock.deadline) == (moment("16:30"), moment("2025-03-13 09:30"))


def test_a_policy_may_owe_updates_while_it_waits(ticket, policy):
    promise = policy(update=120, pauses={"update": frozenset()})
    ticket.opened("09:00", policy=promise).agent("10:00").waits_for_customer("10:00")

    assert ticket.update("12:30").state is ClockState.BREACHED


def test_no_update_is_owed_once_resolved_and_again_when_reopened(ticket, policy, moment):
    ticket.opened("09:00", policy=policy(update=120)).resolved("10:00").reopened("14:00")

    ended, running = ticket.clocks("14:30", ClockKind.UPDATE)

    assert (ended.state, ended.end_reason) == (ClockState.CANCELLED, EndReason.RESOLVED)
    assert (running.start, running.deadline) == (moment("14:00"), moment("16:00"))


def test_g15_three_clocks_of_one_ticket_and_the_deadline_a_queue_sorts_by(ticket, policy, moment):
    ticket.opened("10:30", policy=policy(first_response=60, update=120, resolution=180))

    assert [clock.deadline for clock in ticket.clocks("10:40")] == [
        moment("11:30"),
        moment("12:30"),
        moment("13:30"),
    ]
    assert ticket.replay("10:40").effective_deadline == moment("11:30")
    assert ticket.replay("11:45").effective_deadline == moment("12:30")
