"""The relay publishes what was committed: in order, in batches, whatever single rows do to it."""

import asyncio
from datetime import datetime

import pytest

from libs.runtime.tests.events.world import (
    DURABLE,
    OWNER,
    REFUSED,
    STREAM,
    eventually,
    fetch,
    received,
    refused,
    running,
)
from otklik.intake.v1 import events_pb2
from otklik_runtime import envelope, ids, outbox
from otklik_runtime.publishing import Publisher

PUBLISHED = "select position, stream_sequence, stream_created from events order by position"


@pytest.fixture
def without_polls(monkeypatch):
    """Let nothing but a wake start the relay."""
    monkeypatch.setattr(outbox, "POLL_SECONDS", 60)


@pytest.fixture
def tries(monkeypatch):
    """Note how often a batch was tried, by size, and how many rows went singly."""
    noted = []
    atomically, singly = Publisher._atomically, Publisher._singly

    async def noting_batch(self, rows):
        noted.append(("batch", len(rows)))
        return await atomically(self, rows)

    async def noting_single(self, rows):
        noted.append(("singly", len(rows)))
        return await singly(self, rows)

    monkeypatch.setattr(Publisher, "_atomically", noting_batch)
    monkeypatch.setattr(Publisher, "_singly", noting_single)
    return noted


async def test_an_event_travels_as_a_cloudevent_on_a_subject_that_ends_in_its_aggregate(world):
    aggregate, cause = ids.new_id(), ids.new_id()
    message = refused(aggregate)
    async with world.owner.transaction() as tx:
        tx.record(message, aggregate_id=aggregate, actor="agent/1", cause=cause)

    async with running(await world.relay()):
        await eventually(world.all_published)

    (row,) = await world.rows()
    (sent,) = await world.published()
    assert sent.subject == f"otklik.intake.v1.message_refused.{aggregate}"
    assert sent.data == message.SerializeToString() == row["payload"]
    assert sent.headers == {
        "Nats-Msg-Id": str(row["id"]),
        "ce-specversion": "1.0",
        "ce-id": str(row["id"]),
        "ce-source": "/otklik/intake",
        "ce-type": REFUSED,
        "ce-subject": aggregate,
        "ce-time": row["occurred_at"].isoformat(),
        "ce-recordedtime": row["recorded_at"].isoformat(),
        "ce-sequence": "1",
        "ce-actor": "agent/1",
        "ce-causationid": cause,
        "ce-datacontenttype": "application/protobuf",
    }


async def test_names_of_subjects_streams_and_durables_follow_from_the_contracts():
    assert envelope.subject_prefix("otklik.tickets.v1.TicketOpened") == (
        "otklik.tickets.v1.ticket_opened"
    )
    assert (STREAM, DURABLE) == ("OTKLIK_INTAKE", "tickets__intake")
    assert envelope.owner_of(REFUSED) == OWNER


async def test_every_published_row_stores_the_streams_incarnation_and_its_sequence(world):
    await world.say(*(ids.new_id() for _ in range(3)))

    async with running(await world.relay()):
        await eventually(world.all_published)

    created = datetime.fromisoformat((await world.info())["created"][:26] + "+00:00")
    assert [tuple(row)[1:] for row in await fetch(world.owner_url, PUBLISHED)] == [
        (1, created),
        (2, created),
        (3, created),
    ]


async def test_events_are_published_in_the_order_of_their_positions(world):
    aggregates = [ids.new_id() for _ in range(700)]

    async with running(await world.relay()):
        for begin in range(0, 700, 100):
            await world.say(*aggregates[begin : begin + 100])
        await eventually(world.all_published)

    rows = await fetch(world.owner_url, PUBLISHED)
    assert [row["stream_sequence"] for row in rows] == list(range(1, 701))


@pytest.mark.parametrize("hinted", [True, False])
async def test_publishing_is_right_with_and_without_wakes(world, hinted):
    bus = await world.bus(OWNER)
    await world.open_owner(world.owner_url, wake=bus.waker(OWNER) if hinted else None)

    async with running(await world.relay()):
        for _ in range(5):
            await world.say(ids.new_id())
            await eventually(world.all_published)

    assert (await world.info())["state"]["messages"] == 5


async def test_a_wake_alone_is_enough_to_publish_at_once(world, without_polls):
    bus = await world.bus(OWNER)
    await bus.client()
    await world.open_owner(world.owner_url, wake=bus.waker(OWNER))
    relay = await world.relay()

    async with running(relay):
        await eventually(is_ready(relay))
        await asyncio.sleep(0.3)  # it has found nothing and waits
        await world.say(ids.new_id())
        await eventually(world.all_published, seconds=5)


async def test_many_commits_make_one_wake(world):
    bus = await world.bus(OWNER)
    await bus.client()
    wake = bus.waker(OWNER)
    heard = await world.client.subscribe(f"otklik.wake.{OWNER}")
    await world.client.flush()

    for _ in range(50):
        wake()
    await heard.next_msg(timeout=2)
    await (await bus.client()).flush()
    await world.client.flush()

    assert heard.pending_msgs == 0


def is_ready(relay):
    async def ready():
        return relay.ready() is None

    return ready


async def test_a_batch_has_500_messages_at_most(world, tries):
    await world.say(*(ids.new_id() for _ in range(1201)))

    async with running(await world.relay()):
        await eventually(world.all_published)

    # What an earlier relay may have published goes first and singly.
    assert tries == [("singly", 500), ("batch", 500), ("batch", 201)]


async def test_a_batch_has_4_mib_at_most(world, tries):
    long = "x" * 250_000
    async with world.owner.transaction() as tx:
        for _ in range(50):
            tx.record(received(aggregate := ids.new_id(), text=long), aggregate_id=aggregate)

    async with running(await world.relay()):
        await eventually(world.all_published)

    assert {size for _, size in tries[:3]} == {16}
    assert sum(size for _, size in tries) == 50


async def test_a_half_duplicate_batch_goes_singly_in_order_and_duplicates_count_as_success(
    world, tries, counted
):
    relay = await world.relay()
    async with running(relay):
        await world.say(ids.new_id())
        await eventually(world.all_published)
        async with world.owner.transaction() as tx:
            for _ in range(6):
                tx.record(refused(aggregate := ids.new_id()), aggregate_id=aggregate)
            await tx.flush()
            for row in await already(tx, 3, 5):
                await world.client.jetstream().publish(
                    row["subject"], row["payload"], headers={"Nats-Msg-Id": str(row["id"])}
                )
        await eventually(world.all_published)

    assert tries[-2:] == [("batch", 6), ("singly", 6)]
    assert counted["otklik.relay.refused_batches"] == 1
    sequences = [row["stream_sequence"] for row in await fetch(world.owner_url, PUBLISHED)]
    assert sequences == [1, 4, 2, 5, 3, 6, 7]
    assert (await world.info())["state"]["messages"] == 7


async def already(tx, *positions):
    found = await tx.connection.exec_driver_sql(
        "select * from events where position = any($1)", (list(positions),)
    )
    return found.mappings().all()


async def test_a_row_the_stream_can_never_take_goes_to_dead_letters_and_the_relay_goes_on(
    world, tries, counted
):
    await world.delete_stream()
    await world.make_stream(max_msg_size=4096)
    relay = await world.relay()

    async with running(relay):
        await world.say(ids.new_id())
        await eventually(world.all_published)
        async with world.owner.transaction() as tx:
            for text in ("short", "x" * 5000, "short again"):
                tx.record(received(aggregate := ids.new_id(), text=text), aggregate_id=aggregate)
        await eventually(world.all_published)

    assert [row["stream_sequence"] for row in await world.rows()] == [1, 2, 0, 3]
    (letter,) = await fetch(world.owner_url, "select * from dead_letters")
    assert (letter["stream"], letter["sequence"], letter["reason"]) == ("outbox", 3, "oversize")
    assert letter["payload"] == (await world.rows())[2]["payload"]
    assert counted["otklik.dead_letters"] == 1
    assert counted["otklik.relay.interruptions"] == 0


@pytest.mark.parametrize("length", [66_000, 65_300])
async def test_a_row_above_the_brokers_own_limit_does_not_cost_the_connection(
    world, own_nats_server, counted, length
):
    """The broker counts the headers too, and ends the connection of whoever exceeds its limit."""
    await own_nats_server.reload("max_payload: 65536")
    world.nats_url = own_nats_server.url
    relay = await world.relay()
    world.client = await relay._bus.client()
    await world.make_stream()
    async with world.owner.transaction() as tx:
        for text in ("short", "x" * length, "short again"):
            tx.record(received(aggregate := ids.new_id(), text=text), aggregate_id=aggregate)

    async with running(relay):
        await eventually(world.all_published)

    assert [row["stream_sequence"] for row in await world.rows()] == [1, 0, 2]
    assert counted["otklik.relay.interruptions"] == 0


async def test_a_missing_stream_is_not_ready_and_counted_until_it_is_there(world, counted):
    await world.delete_stream()
    await world.say(ids.new_id())
    relay = await world.relay()

    async def missed():
        return counted["otklik.relay.missing_stream"]

    async with running(relay):
        await eventually(missed)
        assert "OTKLIK_INTAKE does not exist" in relay.ready()
        await world.make_stream()
        await eventually(world.all_published)
        assert relay.ready() is None


async def test_a_broker_that_refuses_for_now_gets_the_row_later(world, counted):
    await world.delete_stream()
    await world.make_stream(max_msgs=1, discard="new")
    await world.say(ids.new_id(), ids.new_id())

    async with running(await world.relay()):
        await eventually(lambda: one_is_published(world))
        assert not await world.all_published()
        await world.ask(f"$JS.API.STREAM.PURGE.{STREAM}")
        await eventually(world.all_published)

    assert await fetch(world.owner_url, "select * from dead_letters") == []


async def one_is_published(world):
    return await fetch(world.owner_url, "select 1 from events where stream_sequence = 1")


async def test_what_was_recorded_before_the_drain_is_published_before_the_end(world):
    relay = await world.relay()
    async with running(relay):
        await eventually(is_ready(relay))
        await world.say(*(ids.new_id() for _ in range(50)))

    assert await world.all_published()


async def test_a_relay_that_finds_no_broker_ends_when_it_is_told_to(world):
    world.nats_url = "nats://127.0.0.1:9"
    relay = await world.relay()

    async with running(relay):
        await asyncio.sleep(0.05)

    assert relay.ready() == "has not begun to publish"


async def test_another_services_event_is_refused_before_it_could_stop_the_relay(world):
    world.owner._service = "notify"

    with pytest.raises(ValueError, match="is not an event of notify"):
        async with world.owner.transaction() as tx:
            tx.record(events_pb2.MessageRefused(), aggregate_id=ids.new_id())
