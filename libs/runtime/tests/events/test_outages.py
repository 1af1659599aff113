"""Databases and brokers go and come back: nothing is lost, doubled or taken for poison."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest

from libs.runtime.tests.events.silent_link import SilentLink
from libs.runtime.tests.events.world import (
    DURABLE,
    STREAM,
    an_event,
    eventually,
    prepare,
    running,
)
from otklik_runtime import database, failpoints, ids
from otklik_runtime.errors import Unavailable
from otklik_runtime.testing.postgres import PostgresServer


@pytest.fixture(scope="module")
def mortal_postgres(servers_directory):
    """Run one PostgreSQL that the tests here may kill, as long as they start it again."""
    server = PostgresServer(directory=servers_directory / "mortal-postgres", durable=False)
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, server.start()).result()
        yield server
        thread.submit(asyncio.run, server.remove()).result()


async def events(reader, count):
    now = await reader.database.now()
    return [an_event(ids.new_id(), 1, recorded_at=now) for _ in range(count)]


async def test_a_reader_whose_database_is_away_keeps_its_messages(world, mortal_postgres, counted):
    reader = await world.reader(await prepare(await mortal_postgres.create_database("kept")))
    begun, may_go_on = asyncio.Event(), asyncio.Event()

    async def attempt(tx, notes):
        begun.set()
        await may_go_on.wait()

    reader.attempt = attempt
    await world.publish(*await events(reader, 20))

    async with running(reader.subscription):
        await begun.wait()
        await mortal_postgres.kill()
        may_go_on.set()
        await eventually(lambda: connection_fails(reader))
        assert await world.unanswered() == 20
        await mortal_postgres.start()
        await eventually(world.settled)

    assert await reader.applied() == [1] * 20
    assert await reader.letters() == []
    assert counted["otklik.subscription.failures"] == 0


async def connection_fails(reader):
    try:
        await reader.database.now()
    except Exception:  # noqa: BLE001 - whichever way it is away
        return True
    return False


async def test_a_reader_without_its_database_can_be_ended_and_answers_nothing(
    world, mortal_postgres
):
    reader = await world.reader(await prepare(await mortal_postgres.create_database("ended")))
    await world.publish(*await events(reader, 5))
    await mortal_postgres.kill()

    async with running(reader.subscription):
        await eventually(lambda: in_hand(world))

    assert await world.unanswered() == 5
    await mortal_postgres.start()


async def test_a_commit_whose_answer_was_lost_is_not_done_twice(world, monkeypatch):
    """The reader cannot know that its transaction was committed; its marks do."""
    url = await world.make_url()
    async with SilentLink(url) as link:
        reader = await world.reader(link.url)
        reader.url = url
        await world.publish(*await events(reader, 10))
        cuts = [database.BEFORE_COMMIT]

        def hit(name):
            if name in cuts and reader.batches:
                cuts.clear()
                link.swallow_answers()

        monkeypatch.setattr(failpoints, "hit", hit)

        async with running(reader.subscription):
            await eventually(lambda: reader.has_applied(10))
            assert await world.unanswered() == 10
            link.break_off()
            await eventually(world.settled)

    assert await reader.applied() == [1] * 10
    assert len(reader.batches) == 1
    assert await reader.letters() == []


async def test_a_connection_notices_that_the_databases_machine_is_gone(world):
    """Keepalives and a limit on what stays unconfirmed: a statement does not wait for ever."""
    async with world.owner.read() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        found = driver._transport.get_extra_info("socket")

    assert found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 5
    assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 5
    assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 3
    assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 15_000


async def in_hand(world):
    info = await world.ask(f"$JS.API.CONSUMER.INFO.{STREAM}.{DURABLE}")
    return info["num_ack_pending"]


async def test_a_reader_reads_on_after_the_broker_was_killed(world, own_nats_server, counted):
    world.nats_url = own_nats_server.url
    bus = await world.bus("other")
    world.client = await bus.client()
    await world.make_stream()
    await world.make_durable()
    reader = await world.reader()

    async with running(await world.relay()), running(reader.subscription):
        for round_number in (1, 2, 3):
            await world.say(*(ids.new_id() for _ in range(10)))
            await own_nats_server.kill()
            await world.say(*(ids.new_id() for _ in range(10)))
            await own_nats_server.start()
            await eventually(reader_has(reader, round_number * 20))

    assert await reader.applied() == [1] * 60
    assert await reader.letters() == []


def reader_has(reader, count):
    async def has():
        return await reader.has_applied(count)

    return has


async def test_a_missing_durable_is_not_ready_and_counted_until_it_is_there(world, counted):
    await world.ask(f"$JS.API.CONSUMER.DELETE.{STREAM}.{DURABLE}")
    reader = await world.reader()

    async def interrupted():
        return counted["otklik.subscription.interruptions"]

    async def is_ready():
        return reader.subscription.ready() is None

    async with running(reader.subscription):
        await eventually(interrupted)
        assert "tickets__intake does not answer" in reader.subscription.ready()
        await world.make_durable()
        await eventually(is_ready)


async def test_a_durable_that_vanishes_while_reading_is_noticed(world, monkeypatch):
    monkeypatch.setattr("otklik_runtime.subscription.FETCH_SECONDS", 0.05)
    reader = await world.reader()

    async def is_ready():
        return reader.subscription.ready() is None

    async def is_not_ready():
        return reader.subscription.ready() is not None

    async with running(reader.subscription):
        await eventually(is_ready)
        await world.ask(f"$JS.API.CONSUMER.DELETE.{STREAM}.{DURABLE}")
        await eventually(is_not_ready)
        await world.make_durable()
        await world.publish(*await events(reader, 1))
        await eventually(lambda: reader.has_applied(1))


async def test_a_relay_goes_on_after_its_database_was_restarted(world, mortal_postgres):
    url = await prepare(await mortal_postgres.create_database("owner"))
    await world.open_owner(url)

    async with running(await world.relay()):
        await world.say(ids.new_id())
        await eventually(world.all_published)
        await mortal_postgres.kill()
        await mortal_postgres.start()
        await eventually(lambda: said(world))
        await eventually(world.all_published)

    assert (await world.info())["state"]["messages"] == 2


async def test_a_relay_goes_on_after_a_cut_that_the_driver_met_in_mid_answer(world, monkeypatch):
    """Where the server's farewell is read while the next statement is sent, the driver says so."""
    mark = asyncpg.Connection.execute
    cuts = [asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is on")]

    async def cut_once(connection, *statement, **options):
        if cuts and statement[0].lstrip().startswith("update events"):
            raise cuts.pop()
        return await mark(connection, *statement, **options)

    monkeypatch.setattr(asyncpg.Connection, "execute", cut_once)

    async with running(await world.relay()):
        await world.say(ids.new_id())
        await eventually(world.all_published)

    assert cuts == []


async def test_a_transaction_whose_connection_was_cut_in_mid_answer_is_one_without_a_database(
    world,
):
    reader = await world.reader()

    with pytest.raises(Unavailable):
        async with reader.database.transaction():
            raise asyncpg.InternalClientError("cannot switch to state 12; another operation is on")

    async with reader.database.transaction() as tx:
        assert (await tx.connection.exec_driver_sql("select 1")).scalar_one() == 1


async def said(world):
    try:
        await world.say(ids.new_id())
    except Exception:  # noqa: BLE001 - whichever way it is away
        return False
    return True


async def test_clocks_that_disagree_are_measured(world, monkeypatch):
    """An event from the future shows by how much the owner's clock is ahead."""
    shown = []
    monkeypatch.setattr(
        "otklik_runtime.telemetry.gauge",
        lambda name, value, **_: shown.append(value) if name == "otklik.clock.skew" else None,
    )
    reader = await world.reader()
    now = await reader.database.now()
    (event,) = await events(reader, 1)
    late = an_event(ids.new_id(), 1, recorded_at=now.replace(year=now.year + 1))
    await world.publish(event, late)

    async with running(reader.subscription):
        await eventually(world.settled)

    assert max(shown) > 300 * 24 * 3600
