"""Rows and events go in one transaction; positions and versions are given under lock."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from libs.runtime.tests.events.world import fetch, received, refused, until_blocked
from otklik_runtime import ids
from otklik_runtime.clock import FrozenClock
from otklik_runtime.errors import Conflict, InvalidInput, Unavailable
from otklik_runtime.recording import MAX_EVENT_BYTES

THING = "insert into things (id, note) values ($1::uuid, 'kept')"


async def things(world):
    return await fetch(world.owner_url, "select * from things")


async def test_rows_and_events_are_committed_together(world):
    thing = ids.new_id()

    async with world.owner.transaction() as tx:
        await tx.connection.exec_driver_sql(THING, (thing,))
        tx.record(refused(thing), aggregate_id=thing)

    assert len(await things(world)) == 1
    assert [str(row["aggregate_id"]) for row in await world.rows()] == [thing]


async def test_a_failing_handler_leaves_neither_rows_nor_events(world):
    thing = ids.new_id()

    async def fail():
        async with world.owner.transaction() as tx:
            await tx.connection.exec_driver_sql(THING, (thing,))
            tx.record(refused(thing), aggregate_id=thing)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await things(world) == []
    assert await world.rows() == []


async def test_a_failing_commit_leaves_neither_rows_nor_events_nor_versions(world):
    thing = ids.new_id()

    async def fail():
        async with world.owner.transaction() as tx:
            for _ in range(2):  # the constraint is checked at commit
                await tx.connection.exec_driver_sql(THING, (thing,))
            tx.record(refused(thing), aggregate_id=thing)

    with pytest.raises(Exception, match="duplicate key"):
        await fail()

    assert await things(world) == []
    assert await world.rows() == []
    assert await fetch(world.owner_url, "select * from heads") == []


async def test_versions_of_an_aggregate_have_no_gaps_whoever_writes(world):
    aggregates = [ids.new_id() for _ in range(3)]

    async def write(turn):
        async with world.owner.transaction() as tx:
            for aggregate in aggregates[turn % 3 :] + aggregates[: turn % 3]:
                tx.record(refused(aggregate), aggregate_id=aggregate)

    await asyncio.gather(*(write(turn) for turn in range(24)))

    rows = await world.rows()
    for aggregate in aggregates:
        mine = [row["version"] for row in rows if str(row["aggregate_id"]) == aggregate]
        assert mine == list(range(1, 25))  # by position: position and version agree


async def test_a_position_is_given_after_the_head_is_locked(world):
    """Whoever waits for an aggregate gets a later position than whoever holds it."""
    aggregate, other = ids.new_id(), ids.new_id()
    waiting = asyncio.Event()

    async def second():
        async with world.owner.transaction() as tx:
            tx.record(refused(aggregate, "second"), aggregate_id=aggregate)
            waiting.set()

    async with world.owner.transaction() as tx:
        tx.record(refused(other), aggregate_id=other)
        tx.record(refused(aggregate, "first"), aggregate_id=aggregate)
        await tx.flush()
        late = asyncio.create_task(second())
        await waiting.wait()
        await until_blocked(world.owner_url)
        tx.record(refused(aggregate, "first again"), aggregate_id=aggregate)
    await late

    mine = [row for row in await world.rows() if str(row["aggregate_id"]) == aggregate]
    assert [row["version"] for row in mine] == [1, 2, 3]
    assert b"second" in mine[2]["payload"]


async def test_an_event_above_256_kib_is_refused_before_anything_is_written(world):
    aggregate = ids.new_id()
    message = received(aggregate, text="x" * MAX_EVENT_BYTES)

    with pytest.raises(InvalidInput) as refusal:
        async with world.owner.transaction() as tx:
            tx.record(message, aggregate_id=aggregate)

    assert refusal.value.code == "event_too_large"
    assert await world.rows() == []


async def test_an_event_of_exactly_256_kib_is_taken(world):
    aggregate = ids.new_id()
    message = received(aggregate, text="")
    message.text = "x" * (MAX_EVENT_BYTES - message.ByteSize() - 4)
    assert message.ByteSize() == MAX_EVENT_BYTES

    async with world.owner.transaction() as tx:
        tx.record(message, aggregate_id=aggregate)

    assert len(await world.rows()) == 1


async def test_the_time_is_the_databases_and_read_once(world):
    async with world.owner.transaction() as tx:
        began = tx.now
        tx.record(refused(aggregate := ids.new_id()), aggregate_id=aggregate)
        await asyncio.sleep(0.02)
        assert tx.now == began

    (row,) = await world.rows()
    (clock,) = await fetch(world.owner_url, "select clock_timestamp() as now")
    assert row["recorded_at"] == row["occurred_at"] == began
    assert timedelta() < clock["now"] - began < timedelta(seconds=5)


async def test_a_clock_stands_in_for_the_databases(world):
    moment = datetime(2031, 5, 6, 7, 8, 9, 10, tzinfo=UTC)
    await world.open_owner(clock=FrozenClock(moment))

    await world.say(ids.new_id())

    (row,) = await world.rows()
    assert row["recorded_at"] == moment
    assert await world.owner.now() == moment


async def test_occurred_at_is_when_it_happened_and_recorded_at_when_it_was_written(world):
    happened = datetime(2026, 3, 1, 10, tzinfo=timezone(timedelta(hours=3)))
    aggregate = ids.new_id()

    async with world.owner.transaction() as tx:
        tx.record(refused(aggregate), aggregate_id=aggregate, occurred_at=happened)
        now = tx.now

    (row,) = await world.rows()
    assert row["occurred_at"] == happened
    assert row["recorded_at"] == now


async def test_a_conflict_and_an_absent_database_are_two_facts(world):
    with pytest.raises(Conflict, match="faster"):
        async with world.owner.transaction() as tx:
            await tx.connection.exec_driver_sql(
                "do $$ begin raise exception 'x' using errcode = '40001'; end $$"
            )
    with pytest.raises(Unavailable, match="does not answer"):
        async with world.owner.transaction() as tx:
            await tx.connection.exec_driver_sql("select pg_terminate_backend(pg_backend_pid())")


@pytest.mark.parametrize("error", [TimeoutError, ConnectionResetError, OSError])
async def test_what_else_fails_in_a_transaction_is_not_blamed_on_the_database(world, error):
    with pytest.raises(error):
        async with world.owner.transaction():
            raise error


async def test_a_connection_lost_in_a_transaction_is_an_absent_database(world):
    async def lose():
        async with world.owner.transaction() as tx:
            driver = (await tx.connection.get_raw_connection()).driver_connection
            driver.terminate()
            raise ConnectionResetError

    with pytest.raises(Unavailable):
        await lose()


async def test_a_database_that_cannot_be_reached_is_absent(world):
    database = await world.open_owner("postgresql://postgres@127.0.0.1:9/nowhere")

    with pytest.raises(Unavailable):
        async with database.transaction():
            pass
    with pytest.raises(Unavailable):
        await database.now()


async def test_a_commit_that_said_something_wakes_the_relay_and_no_other(world):
    woken = []
    await world.open_owner(wake=lambda: woken.append(1))

    async with world.owner.transaction() as tx:
        await tx.connection.exec_driver_sql(THING, (ids.new_id(),))
    assert woken == []

    async def fail():
        async with world.owner.transaction() as tx:
            tx.record(refused(aggregate := ids.new_id()), aggregate_id=aggregate)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert woken == []

    await world.say(ids.new_id(), ids.new_id())
    assert woken == [1]
