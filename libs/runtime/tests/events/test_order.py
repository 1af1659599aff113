"""The order of events is not the order of commits: nothing that commits late may be overlooked."""

import asyncio

from libs.runtime.tests.events.world import eventually, fetch, refused, running, until_blocked
from otklik.ops.v1 import ops_service_pb2 as pb
from otklik_runtime import history, ids
from otklik_runtime.ops_service import OpsService


async def read(world, **request):
    service = OpsService(world.owner)
    return [event async for event in service.ReadEvents(pb.ReadEventsRequest(**request), None)]


async def test_an_event_that_commits_after_later_ones_were_published_is_published_too(world):
    early, late = ids.new_id(), ids.new_id()

    async with running(await world.relay()):
        async with world.owner.transaction() as tx:
            tx.record(refused(late), aggregate_id=late)
            await tx.flush()
            await world.say(early)
            await eventually(lambda: published(world, early))
        await eventually(world.all_published, seconds=5)

    rows = await world.rows()
    assert [str(row["aggregate_id"]) for row in rows] == [late, early]
    assert [row["stream_sequence"] for row in rows] == [2, 1]


async def published(world, aggregate):
    return await fetch(
        world.owner_url,
        "select 1 from events where aggregate_id = $1 and stream_sequence > 0",
        aggregate,
    )


async def test_many_writers_that_commit_in_any_order_lose_nothing(world):
    aggregates = [ids.new_id() for _ in range(5)]

    async def write(turn):
        async with world.owner.transaction() as tx:
            for aggregate in {aggregates[turn % 5], aggregates[(turn * 3 + 1) % 5]}:
                tx.record(refused(aggregate), aggregate_id=aggregate)
            await tx.flush()
            if turn % 3 == 0:
                await asyncio.sleep(0.03)

    async with running(await world.relay()):
        await asyncio.gather(*(write(turn) for turn in range(60)))
        await eventually(world.all_published)

    sent = await world.published()
    assert len(sent) == len(await world.rows())
    for aggregate in aggregates:
        mine = [int(m.headers["ce-sequence"]) for m in sent if m.subject.endswith(aggregate)]
        assert mine == list(range(1, len(mine) + 1))


async def test_the_history_ends_below_what_an_open_transaction_may_still_add(world):
    early, late = ids.new_id(), ids.new_id()

    async with world.owner.transaction() as tx:
        tx.record(refused(late), aggregate_id=late)
        await tx.flush()
        await world.say(early)
        reading = asyncio.create_task(read(world))
        await until_blocked(world.owner_url)
    found = await reading

    assert [event.aggregate_id for event in found] == [late, early]


async def test_a_reader_that_pages_by_position_never_misses_one(world):
    """Pages are read while writers commit late; all pages together are the whole history."""
    stop = asyncio.Event()
    found = []

    async def page():
        while not stop.is_set() or await more():
            await more()

    async def more():
        after = found[-1].position if found else 0
        fresh = await read(world, after_position=after, limit=7)
        found.extend(fresh)
        return fresh

    async def write(turn):
        async with world.owner.transaction() as tx:
            tx.record(refused(aggregate := ids.new_id()), aggregate_id=aggregate)
            await tx.flush()
            await asyncio.sleep(0.02 if turn % 4 == 0 else 0)

    paging = asyncio.create_task(page())
    for begin in range(0, 40, 8):
        await asyncio.gather(*(write(turn) for turn in range(begin, begin + 8)))
    stop.set()
    await paging

    assert [event.position for event in found] == [row["position"] for row in await world.rows()]


async def test_the_history_gives_back_each_event_as_it_was_recorded(world):
    aggregate = ids.new_id()
    message = refused(aggregate)
    async with world.owner.transaction() as tx:
        tx.record(message, aggregate_id=aggregate, actor="agent/7")

    (event,) = await read(world)

    (row,) = await world.rows()
    assert event == pb.RecordedEvent(
        position=row["position"],
        event_id=str(row["id"]),
        type=row["type"],
        aggregate_id=aggregate,
        version=1,
        occur_time=row["occurred_at"],
        record_time=row["recorded_at"],
        payload=message.SerializeToString(),
        subject=row["subject"],
        actor="agent/7",
    )


async def test_the_history_of_one_aggregate_goes_on_after_a_version(world):
    aggregate, other = ids.new_id(), ids.new_id()
    for _ in range(4):
        await world.say(aggregate, other)

    found = await read(world, aggregate_id=aggregate, after_version=2)

    assert [(event.aggregate_id, event.version) for event in found] == [
        (aggregate, 3),
        (aggregate, 4),
    ]


async def test_a_long_history_is_read_page_by_page(world, monkeypatch):
    monkeypatch.setattr(history, "PAGE", 10)
    await world.say(*(ids.new_id() for _ in range(35)))

    assert [event.position for event in await read(world)] == list(range(1, 36))
    assert [event.position for event in await read(world, limit=12)] == list(range(1, 13))
    assert [e.position for e in await read(world, after_position=30)] == list(range(31, 36))
    aggregate = ids.new_id()
    for _ in range(25):
        await world.say(aggregate)
    found = await read(world, aggregate_id=aggregate)
    assert [event.version for event in found] == list(range(1, 26))


async def test_one_aggregate_is_read_without_waiting_for_the_writers_of_others(world):
    """A reader that closes a gap must not stop the owner: versions of one aggregate never lag."""
    mine, other = ids.new_id(), ids.new_id()
    await world.say(mine)

    async with world.owner.transaction() as tx:
        tx.record(refused(other), aggregate_id=other)
        await tx.flush()
        async with asyncio.timeout(5):
            found = await read(world, aggregate_id=mine)

    assert [event.version for event in found] == [1]
