"""A batch is handled in one transaction; only one that fails is halved around what fails."""

import asyncio
from datetime import timedelta

import pytest

from libs.runtime.tests.events.world import (
    DURABLE,
    STREAM,
    an_event,
    eventually,
    fetch,
    kill,
    running,
)
from otklik_runtime import applying, ids, inbox, subscription
from otklik_runtime.errors import Conflict, RuleBroken, Unavailable


@pytest.fixture
def without_delays(monkeypatch):
    """Let a failing event come back at once."""
    monkeypatch.setattr(subscription, "_DELAYS", (0.01,))


@pytest.fixture
def unhurried(monkeypatch):
    """Let a fetch wait until its batch is full."""
    monkeypatch.setattr(subscription, "FETCH_SECONDS", 1.5)


async def publish(world, reader, count, **event):
    now = await reader.database.now()
    events = [an_event(ids.new_id(), 1, recorded_at=now, **event) for _ in range(count)]
    await world.publish(*events)
    return events


async def test_a_hundred_events_are_handled_in_one_transaction(world, unhurried):
    reader = await world.reader()
    transactions = set()

    async def attempt(tx, notes):
        found = await tx.connection.exec_driver_sql("select pg_current_xact_id()::text")
        transactions.add(found.scalar_one())

    reader.attempt = attempt
    await publish(world, reader, 250)

    async with running(reader.subscription):
        await eventually(world.settled)

    assert [len(batch) for batch in reader.batches] == [100, 100, 50]
    assert len(transactions) == 3
    assert len(await reader.applied()) == 250


async def test_commands_come_in_the_order_of_the_stream(world):
    reader = await world.reader()
    events = await publish(world, reader, 30)

    async with running(reader.subscription):
        await eventually(world.settled)

    handled = [note.event_id for batch in reader.batches for note in batch]
    assert handled == [event.event_id for event in events]


async def test_effects_events_and_marks_of_a_batch_are_committed_together_or_not_at_all(
    world, without_delays
):
    reader = await world.reader()
    await publish(world, reader, 1)
    fails = [True]

    async def attempt(tx, notes):
        if fails:
            fails.pop()
            raise ZeroDivisionError

    reader.attempt = attempt

    async with running(reader.subscription):
        await eventually(world.settled)

    assert len(reader.batches) == 2
    assert len(await reader.applied()) == 1
    assert len(await fetch(reader.url, "select * from inbox")) == 1


async def test_only_a_failing_batch_is_halved_and_only_the_failing_event_set_aside(
    world, unhurried
):
    reader = await world.reader()
    events = await publish(world, reader, 100)
    bad = events[37].event_id

    async def attempt(tx, notes):
        if any(note.event_id == bad for note in notes):
            raise RuleBroken("cannot_be", "this can never be")

    reader.attempt = attempt

    async with running(reader.subscription):
        await eventually(world.settled)

    sizes = [len(batch) for batch in reader.batches]
    assert sizes[:3] == [100, 50, 25]
    assert len(sizes) <= 14  # two for each halving of a hundred
    assert len(await reader.applied()) == 99
    (letter,) = await reader.letters()
    assert (str(letter["event_id"]), letter["reason"]) == (bad, "cannot_be")


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_a_serialisation_failure_retries_the_whole_batch(world, state, unhurried):
    reader = await world.reader()
    await publish(world, reader, 20)
    fails = [True, True]

    async def attempt(tx, notes):
        if fails:
            fails.pop()
            await tx.connection.exec_driver_sql(
                f"do $$ begin raise exception 'x' using errcode = '{state}'; end $$"
            )

    reader.attempt = attempt

    async with running(reader.subscription):
        await eventually(world.settled)

    assert [len(batch) for batch in reader.batches] == [20, 20, 20]
    assert len(await reader.applied()) == 20


async def test_a_real_deadlock_is_retried_and_nothing_is_set_aside(world):
    reader = await world.reader()
    first, second = ids.new_id(), ids.new_id()
    for thing in (first, second):
        insert = "insert into things (id) values ($1) returning 1"
        await fetch(reader.url, insert, thing)
    lock = "update things set note = 'x' where id = $1::uuid"
    locked, may_go_on = asyncio.Event(), asyncio.Event()

    async def attempt(tx, notes):
        await tx.connection.exec_driver_sql(lock, (first,))
        locked.set()
        await may_go_on.wait()
        await tx.connection.exec_driver_sql(lock, (second,))

    async def opponent():
        async with reader.database.transaction() as tx:
            await tx.connection.exec_driver_sql("set local deadlock_timeout = '10s'")
            await tx.connection.exec_driver_sql(lock, (second,))
            await locked.wait()
            may_go_on.set()
            await tx.connection.exec_driver_sql(lock, (first,))

    reader.attempt = attempt
    await publish(world, reader, 5)

    async with running(reader.subscription):
        await asyncio.gather(opponent(), eventually(world.settled))

    assert len(reader.batches) > 1
    assert len(await reader.applied()) == 5
    assert await reader.letters() == []


async def test_a_conflict_is_retried_now_and_later_the_event_comes_again(world, without_delays):
    reader = await world.reader()
    await publish(world, reader, 1)
    fails = [True] * 10

    async def attempt(tx, notes):
        if fails:
            fails.pop()
            raise Conflict("somebody_was_faster", "read again")

    reader.attempt = attempt

    async with running(reader.subscription):
        await eventually(world.settled)

    assert len(await reader.applied()) == 1


async def test_something_else_that_does_not_answer_is_not_waited_for_with_the_messages_in_hand(
    world, without_delays
):
    reader = await world.reader()
    bad, good = await publish(world, reader, 2)
    fails = [True] * 3

    async def attempt(tx, notes):
        if any(note.event_id == bad.event_id for note in notes) and fails:
            fails.pop()
            raise Unavailable("store_away", "the store does not answer")

    reader.attempt = attempt

    async with running(reader.subscription):
        await eventually(world.settled)

    assert sorted(await reader.applied()) == [1, 1]
    assert (await reader.applied(good.aggregate_id)) == [1]


async def test_an_event_delivered_twice_changes_nothing_the_second_time(world, counted):
    reader = await world.reader()
    (event,) = await publish(world, reader, 1)
    async with running(reader.subscription):
        await eventually(world.settled)
        await world.publish(event, Nats_Msg_Id=ids.new_id())
        await eventually(world.settled)

    assert await reader.applied() == [1]
    assert counted["otklik.inbox.duplicates"] == 1


async def test_the_same_event_twice_in_one_batch_is_applied_once_and_both_are_answered(
    world, counted, unhurried
):
    reader = await world.reader()
    (event,) = await publish(world, reader, 1)
    await world.publish(event, Nats_Msg_Id=ids.new_id())

    async with running(reader.subscription):
        await eventually(world.settled)

    assert await reader.applied() == [1]
    assert len(reader.batches) == 1
    assert counted["otklik.subscription.interruptions"] == 0


async def test_two_replicas_share_the_work_and_apply_each_event_once(world, counted):
    first = await world.reader()
    second = await world.reader(first.url)
    aggregates = [ids.new_id() for _ in range(20)]

    async with (
        running(await world.relay()),
        running(first.subscription),
        running(second.subscription),
    ):
        for _ in range(10):
            await world.say(*aggregates)
        await eventually(lambda: first.has_applied(200), seconds=30)
        await eventually(world.settled)

    for aggregate in aggregates:
        assert await first.applied(aggregate) == list(range(1, 11))
    assert await first.letters() == []


async def test_a_reader_that_dies_before_it_answers_has_its_work_absorbed(world, monkeypatch):
    await world.ask(f"$JS.API.CONSUMER.DELETE.{STREAM}.{DURABLE}")
    await world.make_durable(ack_wait=1_000_000_000)
    first = await world.reader()
    await publish(world, first, 10)

    async def never(*_):
        await asyncio.Event().wait()

    monkeypatch.setattr(first.subscription, "_answer", never)
    task = asyncio.create_task(first.subscription.run())
    await eventually(lambda: first.has_applied(10))
    await kill(first.subscription, task)

    second = await world.reader(first.url)
    async with running(second.subscription):
        await eventually(world.settled)

    assert len(await second.applied()) == 10


async def test_nothing_is_answered_before_it_is_committed(world):
    """While the commit is open, the broker still holds the message for the reader."""
    reader = await world.reader()
    await publish(world, reader, 3)
    handled, may_commit = asyncio.Event(), asyncio.Event()

    async def attempt(tx, notes):
        handled.set()
        await may_commit.wait()

    reader.attempt = attempt

    async with running(reader.subscription):
        await handled.wait()
        try:
            assert await world.unanswered() == 3
        finally:
            may_commit.set()
        await eventually(world.settled)


async def test_a_type_of_no_interest_is_counted_as_seen_and_not_decoded(world):
    reader = await world.reader(translate={})
    await publish(world, reader, 2, payload=b"\xff\xff")

    async with running(reader.subscription):
        await eventually(world.settled)

    assert len(await fetch(reader.url, "select * from seen_versions where version = 1")) == 2
    assert await reader.letters() == []


async def test_marks_live_30_days(world, monkeypatch):
    monkeypatch.setattr(subscription, "PRUNE_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(applying, "PRUNED_AT_ONCE", 2)
    reader = await world.reader()
    insert = "insert into inbox select gen_random_uuid(), now() - $1::interval returning 1"
    for days in (29, 31, 40, 50, 60, 70):
        await fetch(reader.url, insert, timedelta(days=days))

    async with running(reader.subscription):
        left = "select handled_at from inbox where 1 = (select count(*) from inbox)"
        ((kept,),) = await eventually(lambda: fetch(reader.url, left))

    assert kept > await reader.database.now() - timedelta(days=30)


async def test_pruning_takes_the_oldest_and_no_more_than_it_is_told(world):
    reader = await world.reader()
    insert = "insert into inbox select gen_random_uuid(), now() - $1::interval returning 1"
    for days in (31, 40, 50):
        await fetch(reader.url, insert, timedelta(days=days))

    async with reader.database.transaction() as tx:
        assert await inbox.prune(tx.connection, before=tx.now - timedelta(days=30), limit=2) == 2

    assert len(await fetch(reader.url, "select * from inbox")) == 1
