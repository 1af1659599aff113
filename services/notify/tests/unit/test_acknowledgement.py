import pytest

from otklik_notify.domain.acknowledgement import Outcome
from otklik_notify.handlers.tell import acknowledge_overdue, tell


async def test_an_acknowledgement_leaves_when_the_clocks_come_after_the_ticket(
    unit, desk, a_ticket, armed_clocks
):
    await tell(unit, [a_ticket()], desk)
    before = list(unit.queued)
    await tell(unit, [armed_clocks()], desk)

    assert before == []
    assert [delivery.template for delivery, _ in unit.queued] == ["acknowledgement"]


async def test_an_acknowledgement_leaves_when_the_clocks_come_before_the_ticket(
    unit, desk, a_ticket, armed_clocks
):
    await tell(unit, [armed_clocks()], desk)
    await tell(unit, [a_ticket()], desk)

    assert [delivery.template for delivery, _ in unit.queued] == ["acknowledgement"]


async def test_it_names_both_deadlines(unit, desk, texts, a_ticket, armed_clocks):
    clocks = armed_clocks()
    await tell(unit, [a_ticket(), clocks], desk)

    [(_, locale, facts)] = texts.asked
    assert locale == "ru"
    assert (facts["first_response"], facts["resolution"]) == clocks.deadlines
    assert facts["number"] == "OT-000123"
    assert facts["service"] == "Кассы"


async def test_without_a_policy_it_leaves_at_once_and_names_no_deadline(
    unit, desk, texts, a_ticket, armed_clocks
):
    told = await tell(unit, [a_ticket(), armed_clocks(deadlines=())], desk)

    assert told.acknowledgements == (Outcome.SENT,)
    assert texts.asked[0][2]["first_response"] is None


async def test_after_thirty_seconds_without_clocks_it_leaves_without_a_deadline(
    unit, desk, texts, a_ticket
):
    await tell(unit, [a_ticket()], desk)
    unit.advance(29.9)
    early = await acknowledge_overdue(unit, desk, 100)
    unit.advance(0.1)
    due = await acknowledge_overdue(unit, desk, 100)

    assert early.acknowledgements == ()
    assert due.acknowledgements == (Outcome.SENT_WITHOUT_DEADLINE,)
    assert texts.asked[0][2]["first_response"] is None


async def test_clocks_that_come_after_it_left_change_nothing(unit, desk, a_ticket, armed_clocks):
    await tell(unit, [a_ticket()], desk)
    unit.advance(30)
    await acknowledge_overdue(unit, desk, 100)
    told = await tell(unit, [armed_clocks()], desk)

    assert told.queued == 0
    assert len(unit.queued) == 1


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_however_often_the_events_come_it_leaves_once(
    unit, desk, a_ticket, armed_clocks, times
):
    for _ in range(times):
        await tell(unit, [a_ticket()], desk)
        await tell(unit, [armed_clocks()], desk)
        unit.advance(31)
        await acknowledge_overdue(unit, desk, 100)

    assert len(unit.queued) == 1


async def test_the_same_event_twice_in_one_batch_is_one(unit, desk, a_ticket, armed_clocks):
    await tell(unit, [a_ticket(), a_ticket(), armed_clocks(), armed_clocks()], desk)

    assert len(unit.queued) == 1


async def test_a_machine_is_not_acknowledged(unit, desk, a_ticket, armed_clocks):
    told = await tell(unit, [a_ticket(automatic=True)], desk)
    await tell(unit, [armed_clocks()], desk)
    unit.advance(60)
    await acknowledge_overdue(unit, desk, 100)

    assert told.acknowledgements == (Outcome.NOT_WANTED_AUTOMATIC,)
    assert unit.queued == []


async def test_nobody_without_an_address_is_acknowledged(unit, desk, a_ticket, armed_clocks):
    told = await tell(unit, [armed_clocks(), a_ticket(route=None)], desk)

    assert told.acknowledgements == (Outcome.NOT_WANTED_NO_ROUTE,)
    assert unit.queued == []


async def test_a_route_over_a_channel_we_cannot_carry_is_not_acknowledged(
    unit, desk, a_ticket, a_route, armed_clocks
):
    told = await tell(unit, [a_ticket(route=a_route(channel="telegram")), armed_clocks()], desk)

    assert told.acknowledgements == (Outcome.NOT_WANTED_CHANNEL,)
    assert unit.queued == []


async def test_what_the_mail_needed_is_forgotten_once_it_is_settled(
    unit, desk, a_ticket, armed_clocks
):
    await tell(unit, [a_ticket(), armed_clocks()], desk)

    [row] = unit.acknowledgements.rows.values()
    assert row.opened is None
    assert row.deadlines is None


async def test_it_waits_for_nobody_elses_clocks(unit, desk, a_ticket, armed_clocks):
    told = await tell(unit, [a_ticket("one"), armed_clocks("another")], desk)

    assert told.queued == 0
