"""What a service's NATS user may do is enough for the runtime, and nothing of it is too much."""

import json

import nats
import pytest

from libs.runtime.tests.events.world import (
    DURABLE,
    OWNER,
    READER,
    STREAM,
    World,
    eventually,
    running,
)
from otklik_runtime import ids

RIGHTS = {
    OWNER: {
        "publish": [
            f"otklik.{OWNER}.v1.*.*",
            f"otklik.wake.{OWNER}",
            f"$JS.API.STREAM.INFO.{STREAM}",
        ],
        "subscribe": [f"_INBOX_{OWNER}.>", f"otklik.wake.{OWNER}"],
    },
    READER: {
        "publish": [
            f"$JS.API.CONSUMER.INFO.{STREAM}.{DURABLE}",
            f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{DURABLE}",
            f"$JS.ACK.{STREAM}.{DURABLE}.>",
        ],
        "subscribe": [f"_INBOX_{READER}.>"],
    },
    "all": {"publish": [">"], "subscribe": [">"]},
}


def configuration(rights):
    users = ", ".join(
        f'{{user: {name}, password: "", permissions: {{publish: {json.dumps(may["publish"])},'
        f" subscribe: {json.dumps(may['subscribe'])}}}}}"
        for name, may in rights.items()
    )
    return f"authorization {{ users: [{users}] }}"


@pytest.fixture
async def strict_world(world: World, own_nats_server):
    """Give the same world on a broker where each user may do the least."""
    await own_nats_server.reload(configuration(RIGHTS))
    world.nats_url = own_nats_server.url
    world.client = await nats.connect(own_nats_server.url, user="all", password="")
    await world.make_stream()
    await world.make_durable()
    yield world
    await world.client.close()


async def test_an_owner_publishes_and_a_reader_reads_with_the_least_of_rights(
    strict_world, counted
):
    world = strict_world
    bus = await world.bus(OWNER)
    await bus.client()
    await world.open_owner(world.owner_url, wake=bus.waker(OWNER))
    reader = await world.reader()

    async with running(await world.relay()), running(reader.subscription):
        for _ in range(3):
            await world.say(*(ids.new_id() for _ in range(20)))
        await eventually(lambda: reader.has_applied(60))
        await eventually(world.settled)

    assert counted["otklik.relay.interruptions"] == 0
    assert counted["otklik.subscription.interruptions"] == 0
