"""The broker may forget: what its stream no longer has is published again, and read only once."""

import shutil
from datetime import timedelta

import pytest

from libs.runtime.tests.events.world import an_event, eventually, fetch, running
from otklik_runtime import ids, outbox

AGE = "update events set recorded_at = recorded_at - $1::interval where position <= $2 returning 1"


@pytest.fixture(autouse=True)
def _often_checked(monkeypatch):
    monkeypatch.setattr(outbox, "CHECK_SECONDS", 0.3)


async def say_and_publish(world, count):
    await world.say(*(ids.new_id() for _ in range(count)))
    await eventually(world.all_published)


async def sequences(world):
    return [row["stream_sequence"] for row in await world.rows()]


async def count_of_messages(world, count):
    return (await world.info())["state"]["messages"] == count and await world.all_published()


async def test_a_stream_that_was_made_again_gets_everything_again_in_order(world, counted):
    async with running(await world.relay()):
        await say_and_publish(world, 10)
        await world.delete_stream()
        await world.make_stream()
        await eventually(lambda: count_of_messages(world, 10))

    assert await sequences(world) == list(range(1, 11))
    assert counted["otklik.relay.forgotten_events"] == 10


async def test_a_stream_that_was_made_again_gets_old_events_before_new_ones(world):
    async with running(await world.relay()):
        await say_and_publish(world, 5)
        await world.delete_stream()
        await world.make_stream()
        await world.say(ids.new_id())
        await eventually(lambda: count_of_messages(world, 6))
        await eventually(lambda: published_into_the_new_stream(world))

    assert sorted(await sequences(world)) == list(range(1, 7))


async def published_into_the_new_stream(world):
    created = await fetch(world.owner_url, "select distinct stream_created from events")
    return len(created) == 1 and created[0][0] is not None


async def test_nothing_older_than_21_days_is_published_again(world):
    async with running(await world.relay()):
        await say_and_publish(world, 10)
    await fetch(world.owner_url, AGE, timedelta(days=20, hours=23), 5)
    await fetch(world.owner_url, AGE, timedelta(hours=1, minutes=1), 4)
    await world.delete_stream()
    await world.make_stream()

    async with running(await world.relay()):
        await eventually(lambda: count_of_messages(world, 6))

    assert await sequences(world) == [0, 0, 0, 0, 1, 2, 3, 4, 5, 6]


async def test_what_was_written_off_stays_so_when_the_broker_forgets_again(world):
    await test_nothing_older_than_21_days_is_published_again(world)
    await world.delete_stream()
    await world.make_stream()

    async with running(await world.relay()):
        await eventually(lambda: count_of_messages(world, 6))

    assert await sequences(world) == [0, 0, 0, 0, 1, 2, 3, 4, 5, 6]


@pytest.fixture
async def shortened(world, own_nats_server):
    """Publish 6, copy the broker's disk, publish 4 more; then the broker has the old disk again."""
    world.nats_url = own_nats_server.url
    relay = await world.relay()
    world.client = await relay._bus.client()
    await world.make_stream()
    await world.make_durable()

    async def shorten():
        await say_and_publish(world, 6)
        await own_nats_server.kill()
        shutil.copytree(own_nats_server.store, own_nats_server.directory / "older")
        await own_nats_server.start()
        await say_and_publish(world, 4)
        await own_nats_server.kill()
        shutil.rmtree(own_nats_server.store)
        (own_nats_server.directory / "older").rename(own_nats_server.store)

    world.relay_of_shortened, world.shorten = relay, shorten
    world.restart = own_nats_server.start
    return world


async def test_a_stream_with_an_older_disk_gets_what_it_lost_again(shortened):
    world = shortened
    async with running(world.relay_of_shortened):
        await world.shorten()
        await world.restart()
        await eventually(lambda: count_of_messages(world, 10), seconds=20)

    assert await sequences(world) == list(range(1, 11))


async def test_what_was_lost_is_noticed_even_when_new_events_took_its_place(shortened, monkeypatch):
    """The stream is as long as before again, before anybody has looked."""
    world = shortened
    async with running(world.relay_of_shortened):
        await world.shorten()
        monkeypatch.setattr(outbox, "CHECK_SECONDS", 3600)
        await world.say(*(ids.new_id() for _ in range(5)))
        await world.restart()
        await eventually(lambda: count_of_messages(world, 15), seconds=20)

    sent = {message.headers["ce-id"] for message in await world.published()}
    assert sent == {str(row["id"]) for row in await world.rows()}
    assert sorted(await sequences(world)) == list(range(1, 16))


async def test_a_broker_that_lost_its_disk_gets_everything_again(world, own_nats_server):
    world.nats_url = own_nats_server.url
    relay = await world.relay()
    world.client = await relay._bus.client()
    await world.make_stream()

    async with running(relay):
        await say_and_publish(world, 6)
        await own_nats_server.kill()
        own_nats_server.wipe()
        await own_nats_server.start()
        await eventually(lambda: made_again(world))
        await eventually(lambda: count_of_messages(world, 6), seconds=20)

    assert await sequences(world) == list(range(1, 7))


async def made_again(world):
    try:
        await world.make_stream()
    except (OSError, TimeoutError, LookupError):
        return False
    return True


async def test_readers_absorb_what_is_published_again(world, counted):
    reader = await world.reader()
    async with running(await world.relay()), running(reader.subscription):
        await say_and_publish(world, 10)
        await eventually(lambda: reader.has_applied(10))
        await world.delete_stream()
        await world.make_stream()
        await world.make_durable()
        await eventually(lambda: count_of_messages(world, 10))
        await world.say(ids.new_id())
        await eventually(lambda: reader.has_applied(11))
        await eventually(world.settled)

    assert len(await reader.applied()) == 11
    assert counted["otklik.inbox.duplicates"] == 10


async def test_an_event_older_than_28_days_is_refused_by_dead_letter(world):
    reader = await world.reader()
    now = await reader.database.now()
    old, young = ids.new_id(), ids.new_id()
    await world.publish(
        an_event(old, 1, recorded_at=now - timedelta(days=28, minutes=1)),
        an_event(young, 1, recorded_at=now - timedelta(days=27, hours=23)),
    )

    async with running(reader.subscription):
        await eventually(world.settled)

    assert await reader.applied(young) == [1]
    assert await reader.applied(old) == []
    assert [letter["reason"] for letter in await reader.letters()] == ["too_old"]


async def test_a_killed_broker_with_its_disk_whole_has_forgotten_nothing(
    world, own_nats_server, counted
):
    world.nats_url = own_nats_server.url
    relay = await world.relay()
    world.client = await relay._bus.client()
    await world.make_stream()

    async with running(relay):
        for _ in range(2):
            await say_and_publish(world, 5)
            await own_nats_server.kill()
            await own_nats_server.start()
        await say_and_publish(world, 5)

    assert await sequences(world) == list(range(1, 16))
    assert counted["otklik.relay.forgotten_events"] == 0
