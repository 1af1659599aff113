"""Sla on a real database: what it hears, what it says, what time alone does."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from otklik.sla.v1 import calendar_pb2, clock_pb2, events_pb2, policy_pb2
from otklik.tickets.v1 import events_pb2 as tickets
from otklik.tickets.v1 import ticket_pb2
from otklik.type.v1 import actor_pb2, channel_pb2, localized_text_pb2
from otklik_runtime import history, ids, migrations
from otklik_runtime.clock import FrozenClock
from otklik_runtime.database import Database
from otklik_runtime.envelope import Incoming, message_class
from otklik_sla.adapters.unit_of_work import SlaUnit
from otklik_sla.adapters.views import PostgresViews
from otklik_sla.domain.explain import explain
from otklik_sla.domain.kinds import ClockKind, ClockState
from otklik_sla.entrypoints.ticker import ticker
from otklik_sla.handlers import add_calendar, add_policy, hear
from otklik_sla.wire import definitions, hearing

MONDAY = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)  # 10:00 in Moscow
NAMES = localized_text_pb2.LocalizedText(ru="Стандарт", en="Standard")


@pytest.fixture
async def clock() -> FrozenClock:
    return FrozenClock(MONDAY)


@pytest.fixture
async def database(database_url, clock):
    await migrations.upgrade(database_url, "otklik_sla")
    async with AsyncExitStack() as stack:
        yield await Database.open(database_url, stack, service="sla", clock=clock)


@pytest.fixture
async def policy(database):
    week = [
        calendar_pb2.WeeklyInterval(
            day_of_week=calendar_pb2.DayOfWeek.ValueType(day), open_at="09:00", close_at="18:00"
        )
        for day in range(1, 6)
    ]
    calendar = calendar_pb2.Calendar(
        name="calendars/moscow",
        display_name=NAMES,
        time_zone="Europe/Moscow",
        weekly_intervals=week,
    )
    message = policy_pb2.Policy(name="policies/standard", display_name=NAMES)
    for kind, hours in (
        (clock_pb2.CLOCK_KIND_FIRST_RESPONSE, 1),
        (clock_pb2.CLOCK_KIND_RESOLUTION, 8),
    ):
        target = message.targets.add(clock_kind=kind, calendar="calendars/moscow")
        target.duration.seconds = hours * 3600
    async with database.transaction() as tx:
        unit = SlaUnit(tx)
        kept = await add_calendar(unit, definitions.calendar_of(calendar, version=1))
        await add_policy(
            unit, definitions.policy_of(message, {"calendars/moscow": kept}, version=1)
        )


def opened(conversation: str, at: datetime) -> Incoming:
    message = tickets.TicketOpened(
        ticket_id=ids.stable_id("ticket", conversation),
        number="OT-000001",
        conversation_id=conversation,
        service="services/mail",
        priority=ticket_pb2.PRIORITY_P3,
        channel=channel_pb2.CHANNEL_EMAIL,
    )
    return incoming(message, conversation, at, version=1)


def answered(conversation: str, at: datetime, *, version: int = 2) -> Incoming:
    author = actor_pb2.Actor(kind=actor_pb2.ACTOR_KIND_AGENT, id=ids.new_id())
    message = tickets.MessageSent(
        conversation_id=conversation, message_id=ids.new_id(), author=author
    )
    return incoming(message, conversation, at, version=version)


def incoming(message, conversation: str, at: datetime, *, version: int) -> Incoming:
    return Incoming(
        event_id=ids.stable_id(conversation, str(version)),
        type=message.DESCRIPTOR.full_name,
        message=message,
        aggregate_id=conversation,
        version=version,
        occurred_at=at,
        recorded_at=at,
        actor="",
        traceparent="",
        stream="OTKLIK_TICKETS",
        sequence=version,
        delivery_count=1,
    )


async def told(database, *commands) -> None:
    async with database.transaction() as tx:
        await hear(SlaUnit(tx), commands)


async def said(database, conversation: str):
    events = history.read(
        database, after_position=0, aggregate_id=conversation, after_version=0, limit=0
    )
    return [message_class(event.type).FromString(event.payload) async for event in events]


async def test_an_opened_ticket_is_told_its_deadlines_once(database, policy):
    conversation = ids.new_id()
    event = opened(conversation, MONDAY)

    await told(database, hearing.hear_opened(event))
    await told(database, hearing.hear_opened(event))

    (armed,) = await said(database, conversation)
    assert isinstance(armed, events_pb2.ClocksArmed)
    assert armed.outcome == events_pb2.ARMING_OUTCOME_ARMED
    assert armed.policy == "policies/standard@1"
    assert [deadline.due_time.ToDatetime(tzinfo=UTC) for deadline in armed.deadlines] == [
        MONDAY + timedelta(hours=1),
        MONDAY + timedelta(hours=8),
    ]
    assert {deadline.time_zone for deadline in armed.deadlines} == {"Europe/Moscow"}


async def test_a_ticket_that_no_policy_covers_is_said_to_have_none(database):
    conversation = ids.new_id()

    await told(database, hearing.hear_opened(opened(conversation, MONDAY)))

    (armed,) = await said(database, conversation)
    assert armed.outcome == events_pb2.ARMING_OUTCOME_NO_POLICY
    assert not armed.deadlines


async def test_an_answer_in_time_meets_the_first_response(database, policy, clock):
    conversation = ids.new_id()
    await told(database, hearing.hear_opened(opened(conversation, MONDAY)))
    clock.set(MONDAY + timedelta(minutes=20))

    await told(
        database, hearing.hear_answer(answered(conversation, MONDAY + timedelta(minutes=20)))
    )

    _, met = await said(database, conversation)
    assert isinstance(met, events_pb2.ClockMet)
    assert met.kind == clock_pb2.CLOCK_KIND_FIRST_RESPONSE
    assert met.elapsed.seconds == 20 * 60
    assert not met.late


async def test_time_alone_breaches_a_clock_exactly_once(database, policy, clock):
    conversation = ids.new_id()
    await told(database, hearing.hear_opened(opened(conversation, MONDAY)))
    timer = ticker(database, unit_of=SlaUnit, every_seconds=1)

    assert not await timer.once()
    assert len(await said(database, conversation)) == 1
    clock.set(MONDAY + timedelta(hours=1, seconds=1))
    assert not await timer.once()
    assert not await timer.once()

    _, breached = await said(database, conversation)
    assert isinstance(breached, events_pb2.ClockBreached)
    assert breached.kind == clock_pb2.CLOCK_KIND_FIRST_RESPONSE


async def test_an_answer_heard_before_its_ticket_counts_once_the_ticket_is_known(
    database, policy, clock
):
    conversation = ids.new_id()
    answer = hearing.hear_answer(answered(conversation, MONDAY + timedelta(minutes=5)))
    clock.set(MONDAY + timedelta(hours=2))

    await told(database, answer)
    await told(database, hearing.hear_opened(opened(conversation, MONDAY)))

    kinds = [type(event).__name__ for event in await said(database, conversation)]
    assert kinds == ["ClocksArmed", "ClockMet"]


async def test_clocks_are_shown_and_explained_as_they_stand_now(database, policy, clock):
    conversation = ids.new_id()
    await told(database, hearing.hear_opened(opened(conversation, MONDAY)))
    clock.set(MONDAY + timedelta(hours=10))  # 20:00, closed since 18:00
    views = PostgresViews(database)
    ticket = ids.stable_id("ticket", conversation)

    (story,) = await views.stories([ticket])
    resolution = next(c for c in story.clocks if c.kind is ClockKind.RESOLUTION)

    assert resolution.state is ClockState.BREACHED
    assert resolution.worked_seconds == 8 * 3600
    assert "нерабочее" in explain(resolution).text.ru.lower()
    assert [c.kind for c in story.clocks if c.state is ClockState.BREACHED] == [
        ClockKind.FIRST_RESPONSE,
        ClockKind.RESOLUTION,
    ]
