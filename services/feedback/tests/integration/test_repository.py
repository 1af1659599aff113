from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import inspect, select

from otklik_feedback.adapters.tables import METADATA, received
from otklik_feedback.adapters.unit_of_work import FeedbackUnit
from otklik_feedback.adapters.views import PostgresSurveyViews
from otklik_feedback.domain import CountReceived, RememberBreach, State, Survey, SurveyNotFound
from otklik_feedback.ports import Place
from otklik_runtime.ids import new_id

LIFE = timedelta(days=30)


async def test_the_tables_are_as_the_migrations_make_them(database):
    def columns(connection):
        inspector = inspect(connection)
        return {
            table: {(c["name"], c["nullable"]) for c in inspector.get_columns(table)}
            for table in METADATA.tables
        }

    def indexes(connection):
        inspector = inspect(connection)
        return {
            str(i["name"])
            for table in METADATA.tables
            for i in inspector.get_indexes(table)
            if not i.get("duplicates_constraint")
        }

    async with database.read() as connection:
        made = await connection.run_sync(columns)
        made_indexes = await connection.run_sync(indexes)

    assert made == {
        name: {(column.name, bool(column.nullable)) for column in table.c}
        for name, table in METADATA.tables.items()
    }
    assert made_indexes == {
        str(index.name) for table in METADATA.tables.values() for index in table.indexes
    }


async def test_a_survey_is_kept_as_it_was(database, now, a_resolution):
    survey = Survey.of(a_resolution(), now, life=LIFE)
    async with database.transaction() as transaction:
        unit = FeedbackUnit(transaction)
        new = await unit.surveys.add([survey])
        again = await unit.surveys.add([survey])
        survey.rate(4, "Спасибо", now)
        survey.end(now)
        await unit.surveys.save([survey])
        known = await unit.surveys.lock(survey.id)

    assert new == {survey.id}
    assert again == set()
    assert known == survey


async def test_one_resolution_has_one_survey_even_under_another_id(database, now, a_resolution):
    survey = Survey.of(a_resolution(), now, life=LIFE)
    async with database.transaction() as transaction:
        unit = FeedbackUnit(transaction)
        await unit.surveys.add([survey])
        assert await unit.surveys.add([replace(survey, id=new_id())]) == set()


async def test_only_resolutions_that_are_not_over_are_found_open(database, now, a_resolution):
    over, current = (Survey.of(a_resolution(episode=episode), now, life=LIFE) for episode in (1, 2))
    over.end(now)
    async with database.transaction() as transaction:
        unit = FeedbackUnit(transaction)
        await unit.surveys.add([over, current])
        found = await unit.surveys.open_of({current.ticket_id, new_id()})

    assert [survey.episode for survey in found] == [2]


async def test_counts_of_a_day_add_up(database):
    mail = CountReceived(day=date(2026, 11, 24), channel="email", service="services/tills")
    async with database.transaction() as transaction:
        unit = FeedbackUnit(transaction)
        await unit.records.count_received({mail: 2})
        await unit.records.count_received({mail: 3, replace(mail, channel="web_form"): 1})
        rows = await transaction.connection.execute(
            select(received.c.channel, received.c.message_count)
        )

    assert sorted(tuple(row) for row in rows) == [("email", 5), ("web_form", 1)]


async def test_a_breach_twice_is_one(database, now):
    breach = RememberBreach(clock_id=new_id(), ticket_id=new_id(), kind="resolution", due_at=now)
    async with database.transaction() as transaction:
        unit = FeedbackUnit(transaction)
        await unit.records.add_breaches([breach, breach])
        rows = await transaction.connection.exec_driver_sql("select count(*) from breaches")

    assert rows.scalar_one() == 1


async def test_pages_go_on_where_the_last_one_ended(database, now, a_resolution):
    surveys = [
        Survey.of(a_resolution(f"ticket {number}"), now + timedelta(hours=number // 2), life=LIFE)
        for number in range(7)
    ]
    async with database.transaction() as transaction:
        await FeedbackUnit(transaction).surveys.add(surveys)
    views = PostgresSurveyViews(database)
    seen, after = [], None
    while page := await views.page(after=after, limit=3, conversation_id=""):
        seen += page
        after = Place(invited_at=page[-1].invited_at, survey_id=page[-1].id)

    assert len(seen) == 7
    assert {survey.id for survey in seen} == {survey.id for survey in surveys}
    assert seen == sorted(seen, key=lambda each: (each.invited_at, each.id), reverse=True)


async def test_one_survey_is_shown_and_none_is_said_so(database, now, a_resolution):
    survey = Survey.of(a_resolution(automatic=True), now, life=LIFE)
    async with database.transaction() as transaction:
        await FeedbackUnit(transaction).surveys.add([survey])
    views = PostgresSurveyViews(database)

    assert (await views.one(survey.id)).state is State.SKIPPED
    with pytest.raises(SurveyNotFound):
        await views.one(new_id())
