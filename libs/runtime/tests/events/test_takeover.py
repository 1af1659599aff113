"""One relay works, the others wait; whatever happens to it, another one takes over."""

import asyncio
import time

import pytest

from libs.runtime.tests.events.silent_link import SilentLink
from libs.runtime.tests.events.world import eventually, fetch, kill, running
from otklik_runtime import ids, migrations, outbox

HOLDERS = """
    select a.pid from pg_locks l join pg_stat_activity a using (pid)
     where l.locktype = 'advisory' and l.granted and a.datname = $1
"""


async def holders(world):
    return [row[0] for row in await fetch(world.owner_url, HOLDERS, name(world))]


def name(world):
    return world.owner_url.rpartition("/")[2]


def ready(relay):
    async def is_ready():
        return relay.ready() is None

    return is_ready


async def test_one_relay_holds_the_lock_and_the_second_waits(world):
    first, second = await world.relay(), await world.relay()

    async with running(first), running(second):
        await eventually(ready(first))
        await eventually(ready(second))
        await world.say(ids.new_id())
        await eventually(world.all_published)
        assert len(await holders(world)) == 1


async def test_the_second_takes_over_when_the_first_dies(world):
    first, second = await world.relay(), await world.relay()
    task = asyncio.create_task(first.run())
    await eventually(lambda: holders(world))

    async with running(second):
        await eventually(ready(second))
        await kill(first, task)
        await world.say(ids.new_id())
        await eventually(world.all_published, seconds=5)


async def test_the_second_takes_over_when_the_servers_end_of_the_lock_dies(world):
    first, second = await world.relay(), await world.relay()

    async with running(first), running(second):
        await eventually(lambda: holders(world))
        await eventually(ready(second))
        (pid,) = await holders(world)
        await fetch(world.owner_url, "select pg_terminate_backend($1)", pid)
        await world.say(ids.new_id())
        await eventually(world.all_published, seconds=5)


async def test_what_the_first_published_but_did_not_mark_is_not_published_twice(world):
    await world.say(*(ids.new_id() for _ in range(20)))
    async with running(await world.relay()):
        await eventually(world.all_published)
    forget = "update events set stream_sequence = null where position > 5 returning 1"
    await fetch(world.owner_url, forget)

    async with running(await world.relay()):
        await eventually(world.all_published)

    assert (await world.info())["state"]["messages"] == 20
    assert [row["stream_sequence"] for row in await world.rows()] == list(range(1, 21))


async def test_a_relay_without_a_broker_does_not_keep_the_lock_from_others(world):
    reachable = world.nats_url
    world.nats_url = "nats://127.0.0.1:9"
    first = await world.relay()
    world.nats_url = reachable
    second = await world.relay()

    async with running(first):
        await asyncio.sleep(0.1)
        async with running(second):
            await world.say(ids.new_id())
            await eventually(world.all_published, seconds=5)


async def test_the_servers_side_of_the_lock_watches_the_link(world):
    """What ends a session whose other side is gone, when the network can still tell."""
    async with running(await world.relay()):
        await eventually(lambda: holders(world))
        relay = outbox._CUT

    assert relay["tcp_keepalives_idle"] == relay["tcp_keepalives_interval"] == "5"
    assert relay["tcp_keepalives_count"] == "3"
    assert relay["tcp_user_timeout"] == "15000"


@pytest.mark.timeout(60)
async def test_another_relay_works_within_30_seconds_when_the_link_is_cut(world):
    """Nothing is closed and every keepalive is answered, as by a proxy whose client has gone."""
    async with SilentLink(world.owner_url) as link:
        first = await world.relay(link.url)
        second = await world.relay()
        async with running(first):
            (before,) = await eventually(lambda: holders(world))
            async with running(second):
                await eventually(ready(second))
                link.cut()
                cut = time.monotonic()
                await world.say(ids.new_id())

                await eventually(world.all_published, seconds=30, every=0.2)

                took = time.monotonic() - cut
                (after,) = await holders(world)
                link.mend()
    assert after != before
    assert took < 30


async def test_a_database_can_be_migrated_while_its_relay_works(world, tmp_path):
    """Version N is migrated to while version N-1 still serves."""
    (tmp_path / "migrations").mkdir()
    first = tmp_path / "migrations/0001_nothing.py"
    first.write_text('revision = "0001"\n\n\ndef upgrade():\n    pass\n')

    async with running(await world.relay()):
        await eventually(lambda: holders(world))
        async with asyncio.timeout(10):
            assert await migrations.upgrade(world.owner_url, tmp_path) == ["0001"]
    await fetch(world.owner_url, "drop table alembic_version")
