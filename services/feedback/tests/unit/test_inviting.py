from datetime import UTC, date, datetime, timedelta

import pytest

from otklik_feedback.domain import (
    CountReceived,
    EndEpisode,
    RememberBreach,
    RememberTicket,
    SkipReason,
    State,
    SurveyInvited,
)
from otklik_feedback.handlers import count_received, invite, remember_breaches
from otklik_runtime.ids import new_id

LIFE = timedelta(days=30)


async def test_a_resolved_ticket_asks_its_customer_once(unit, a_resolution):
    resolution = a_resolution()
    await invite(unit, [resolution], life=LIFE)
    await invite(unit, [resolution, resolution], life=LIFE)

    [event] = unit.events
    assert isinstance(event, SurveyInvited)
    assert event.ticket_number == "OT-000123"
    assert event.route == resolution.route
    assert event.expires_at == unit.now + LIFE
    assert len(unit.surveys.rows) == 1


async def test_each_resolution_of_a_ticket_has_its_own_survey(unit, a_resolution):
    await invite(unit, [a_resolution(episode=1), a_resolution(episode=2)], life=LIFE)

    assert [event.episode for event in unit.events] == [1, 2]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"automatic": True}, SkipReason.AUTOMATIC),
        ({"route": None}, SkipReason.NO_REPLY_ROUTE),
    ],
)
async def test_who_cannot_be_asked_is_not_and_the_reason_is_kept(
    unit, a_resolution, changes, reason
):
    [survey] = await invite(unit, [a_resolution(**changes)], life=LIFE)

    assert (survey.state, survey.skip_reason) == (State.SKIPPED, reason)
    assert unit.events == []


async def test_a_reopened_ticket_ends_the_resolution_before_it(unit, a_resolution):
    first = a_resolution(episode=1)
    await invite(unit, [first], life=LIFE)
    unit.advance(hours=1)
    await invite(unit, [EndEpisode(ticket_id=first.ticket_id), a_resolution(episode=2)], life=LIFE)

    ended = {survey.episode: survey.ended_at for survey in unit.surveys.rows.values()}
    assert ended == {1: unit.now, 2: None}


async def test_resolved_reopened_and_resolved_in_one_batch_keeps_its_order(unit, a_resolution):
    first, second = a_resolution(episode=1), a_resolution(episode=2)
    await invite(unit, [first, EndEpisode(ticket_id=first.ticket_id), second], life=LIFE)

    ended = {survey.episode: survey.ended_at for survey in unit.surveys.rows.values()}
    assert ended == {1: unit.now, 2: None}


async def test_another_tickets_reopening_ends_nothing_here(unit, a_resolution):
    await invite(unit, [a_resolution(), EndEpisode(ticket_id=new_id())], life=LIFE)

    [survey] = unit.surveys.rows.values()
    assert survey.ended_at is None


async def test_who_opened_what_is_remembered(unit):
    opened = RememberTicket(
        ticket_id=new_id(),
        ticket_number="OT-000123",
        conversation_id=new_id(),
        customer_id=new_id(),
        service="services/tills",
        channel="email",
        opened_at=datetime(2026, 11, 24, tzinfo=UTC),
    )
    await invite(unit, [opened], life=LIFE)

    assert list(unit.records.tickets.values()) == [opened]


async def test_what_is_received_is_only_counted(unit):
    mail = CountReceived(day=date(2026, 11, 24), channel="email", service="services/tills")
    form = CountReceived(day=date(2026, 11, 24), channel="web_form", service="services/tills")
    await count_received(unit, [mail, form, mail])
    await count_received(unit, [mail])

    assert unit.records.received == {mail: 3, form: 1}
    assert unit.events == []


async def test_a_breach_is_remembered_once(unit):
    breach = RememberBreach(
        clock_id=new_id(),
        ticket_id=new_id(),
        kind="first_response",
        due_at=datetime(2026, 11, 24, tzinfo=UTC),
    )
    await remember_breaches(unit, [breach])
    await remember_breaches(unit, [breach])

    assert list(unit.records.breaches.values()) == [breach]
