"""A missing version holds up its own aggregate, for a while; then the owner is asked."""

import asyncio
from datetime import timedelta

import pytest

from libs.runtime.tests.events.world import an_event, eventually, fetch, running
from otklik.ops.v1 import ops_service_pb2 as pb
from otklik_runtime import dead_letters, gaps, ids, subscription
from otklik_runtime.errors import RuleBroken, Unavailable
from otklik_runtime.ops_service import OpsService

SOON = timedelta(seconds=0.4)
NEVER = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(gaps, "_DELAYS", (0.1,))
    monkeypatch.setattr(gaps, "_SILENCE_SECONDS", 0.1)
    monkeypatch.setattr(subscription, "_DELAYS", (0.05,))


def asking(world, asked=None):
    """Ask the owner itself, as the reader does over gRPC."""
    service = OpsService(world.owner)

    async def read_events(aggregate_id, after_version):
        if asked is not None:
            asked.append((aggregate_id, after_version))
        request = pb.ReadEventsRequest(aggregate_id=aggregate_id, after_version=after_version)
        return [event async for event in service.ReadEvents(request, None)]

    return read_events


async def history_of(world, aggregate, count):
    """Let the owner record events, and give them as its relay would publish them."""
    for _ in range(count):
        await world.say(aggregate)
    rows = [row for row in await world.rows() if str(row["aggregate_id"]) == aggregate]
    return [
        an_event(
            aggregate,
            row["version"],
            event_id=str(row["id"]),
            payload=row["payload"],
            recorded_at=row["recorded_at"],
        )
        for row in rows
    ]


async def test_a_gap_holds_up_its_aggregate_and_no_other_and_fails_no_batch(world, counted):
    reader = await world.reader(patience=NEVER)
    held, free = ids.new_id(), ids.new_id()
    held_events = await history_of(world, held, 4)
    free_events = await history_of(world, free, 4)
    await world.publish(held_events[0], *held_events[2:], *free_events)

    async with running(reader.subscription):
        await eventually(lambda: reader.has_applied(5))
        await eventually(lambda: twice_put_off(counted))
        assert await reader.applied(held) == [1]
        assert await reader.applied(free) == [1, 2, 3, 4]
        assert await world.unanswered() == 2

        await world.publish(held_events[1])
        await eventually(world.settled)

    assert await reader.applied(held) == [1, 2, 3, 4]
    assert counted["otklik.subscription.failures"] == 0
    assert await reader.letters() == []


async def twice_put_off(counted):
    return counted["otklik.inbox.deferred"] >= 4


async def test_after_the_patience_the_owner_closes_the_gap(world, counted):
    asked = []
    reader = await world.reader(patience=SOON, read_events=asking(world, asked))
    aggregate = ids.new_id()
    events = await history_of(world, aggregate, 5)
    await world.publish(events[0], events[3], events[4])

    async with running(reader.subscription):
        await eventually(world.settled)

    assert await reader.applied() == [1, 2, 3, 4, 5]
    assert asked == [(aggregate, 1)]
    assert counted["otklik.inbox.gaps_closed"] == 1
    assert await fetch(reader.url, "select * from seen_versions where stale") == []


async def test_the_owner_is_not_asked_before_the_patience_is_over(world):
    asked = []
    reader = await world.reader(patience=timedelta(seconds=0.8), read_events=asking(world, asked))
    events = await history_of(world, ids.new_id(), 2)
    await world.publish(events[1])
    loop = asyncio.get_running_loop()
    begun = loop.time()

    async with running(reader.subscription):
        await eventually(lambda: is_true(asked))
        assert loop.time() - begun >= 0.8
        await eventually(world.settled)

    assert await reader.applied() == [1, 2]


async def is_true(value):
    return bool(value)


def test_the_patience_is_a_minute():
    assert timedelta(seconds=60) == gaps.PATIENCE


async def test_an_owner_that_does_not_answer_costs_nothing_but_time(world, counted):
    """However long it takes: the event was never handled, so it is no suspect."""
    ask, answers = asking(world), [False] * 12

    async def read_events(aggregate_id, after_version):
        if answers:
            answers.pop()
            raise Unavailable("owner_unavailable", "intake does not answer")
        return await ask(aggregate_id, after_version)

    reader = await world.reader(patience=SOON, read_events=read_events)
    events = await history_of(world, ids.new_id(), 3)
    other = await history_of(world, ids.new_id(), 1)
    await world.publish(events[0], events[2], *other)

    async with running(reader.subscription):
        await eventually(lambda: reader.has_applied(2))
        await eventually(world.settled, seconds=20)

    assert counted["otklik.inbox.deferred"] > subscription.UNHANDLED_AFTER
    assert await reader.applied(events[0].aggregate_id) == [1, 2, 3]
    assert await reader.letters() == []


async def test_a_silent_owner_is_asked_now_and_then_not_for_every_aggregate(world, monkeypatch):
    asked = []

    async def read_events(aggregate_id, after_version):
        asked.append(aggregate_id)
        raise Unavailable("owner_unavailable", "intake does not answer")

    monkeypatch.setattr(gaps, "_SILENCE_SECONDS", 60.0)
    reader = await world.reader(patience=timedelta(0), read_events=read_events)
    now = await reader.database.now()
    await world.publish(*(an_event(ids.new_id(), 2, recorded_at=now) for _ in range(30)))

    async with running(reader.subscription):
        await eventually(lambda: is_true(asked))
        await asyncio.sleep(0.5)

    assert len(asked) == 1


async def test_a_restarted_reader_does_not_take_a_waiting_event_for_a_deadly_one(world):
    events = await history_of(world, ids.new_id(), 2)
    await world.publish(events[1])
    await world.deliver_and_lose(subscription.UNHANDLED_AFTER + 1)
    reader = await world.reader(patience=SOON, read_events=asking(world))

    async with running(reader.subscription):
        await eventually(world.settled)

    assert await reader.applied() == [1, 2]
    assert await reader.letters() == []


async def test_a_waiting_event_is_innocent_too_once_what_it_waited_for_has_come(world):
    events = await history_of(world, ids.new_id(), 2)
    await world.publish(events[1])
    await world.deliver_and_lose(subscription.UNHANDLED_AFTER + 1)
    await world.publish(events[0])
    reader = await world.reader(patience=NEVER)

    async with running(reader.subscription):
        await eventually(world.settled)

    assert await reader.applied() == [1, 2]
    assert await reader.letters() == []


async def test_nobody_can_have_died_of_an_event_whose_predecessor_this_process_applied(world):
    events = await history_of(world, ids.new_id(), 2)
    await world.publish(events[1])
    await world.deliver_and_lose(subscription.UNHANDLED_AFTER)
    await world.deliver_and_lose(1, for_seconds=1.0)
    await world.publish(events[0])
    reader = await world.reader(patience=NEVER)

    async with running(reader.subscription):
        await eventually(lambda: reader.has_applied(1))
        await eventually(world.settled)

    assert await reader.applied() == [1, 2]
    assert await reader.letters() == []


async def test_a_reader_jumps_over_what_the_owner_lacks_too_and_says_so(world, counted):
    reader = await world.reader(patience=SOON, read_events=asking(world))
    aggregate = ids.new_id()
    await world.publish(an_event(aggregate, 7, recorded_at=await reader.database.now()))

    async with running(reader.subscription):
        await eventually(world.settled)

    assert await reader.applied() == [7]
    assert counted["otklik.inbox.jumps"] == 1
    (seen,) = await fetch(reader.url, "select version, stale from seen_versions")
    assert tuple(seen) == (7, True)


async def test_a_missing_event_that_cannot_be_handled_is_set_aside_and_the_rest_goes_on(world):
    reader = await world.reader(patience=SOON, read_events=asking(world))
    events = await history_of(world, ids.new_id(), 3)
    await world.publish(events[0], events[2])

    async def attempt(tx, notes):
        if any(note.version == 2 for note in notes):
            raise RuleBroken("cannot_be", "this can never be")

    reader.attempt = attempt

    async with running(reader.subscription):
        await eventually(world.settled)

    assert await reader.applied() == [1, 3]
    (letter,) = await reader.letters()
    assert (str(letter["event_id"]), letter["reason"]) == (events[1].event_id, "cannot_be")
    assert letter["payload"] == events[1].payload


async def test_a_dead_version_counts_as_seen_and_flags_what_was_built_from_it(world):
    reader = await world.reader(patience=NEVER)
    aggregate = ids.new_id()
    now = await reader.database.now()
    await world.publish(
        an_event(aggregate, 1, recorded_at=now),
        an_event(aggregate, 2, recorded_at=now, payload=b"\xff\xff"),
        an_event(aggregate, 3, recorded_at=now),
    )

    async with running(reader.subscription):
        await eventually(world.settled)

    assert await reader.applied() == [1, 3]
    (seen,) = await fetch(reader.url, "select version, stale from seen_versions")
    assert tuple(seen) == (3, True)


async def test_a_dead_version_does_not_count_for_those_that_are_still_to_come(world):
    """Version 3 is dead before 1 and 2 arrive: they must not be taken for duplicates."""
    reader = await world.reader(patience=NEVER)
    aggregate = ids.new_id()
    now = await reader.database.now()
    await world.publish(
        an_event(aggregate, 3, recorded_at=now, payload=b"\xff\xff"),
        an_event(aggregate, 4, recorded_at=now),
    )

    async with running(reader.subscription):
        await eventually(lambda: one_letter(reader))
        await world.publish(
            an_event(aggregate, 2, recorded_at=now), an_event(aggregate, 1, recorded_at=now)
        )
        await eventually(world.settled)

    assert await reader.applied() == [1, 2, 4]


async def one_letter(reader):
    return len(await reader.letters()) == 1


async def test_a_letter_buried_twice_is_one_letter(world):
    reader = await world.reader()
    letter = dead_letters.DeadLetter(
        stream="OTKLIK_INTAKE",
        sequence=3,
        subject="x",
        headers={"ce-id": ids.new_id(), "ce-subject": ids.new_id(), "ce-sequence": "1"},
        payload=b"",
        reason="undecodable",
        error="",
        delivery_count=1,
    )
    for _ in range(2):
        await reader.subscription._applier.bury(letter)

    assert len(await reader.letters()) == 1
