import asyncio
import json

import pytest

from otklik_ops.flows import contracted
from otklik_ops.provisioner.definitions import definitions
from otklik_ops.provisioner.entrypoint import Provisioner
from otklik_runtime.errors import Unavailable

DEFINITIONS = definitions(contracted(), replicas=1)


async def _ask(client, verb, **asked):
    message = await client.request(f"$JS.API.{verb}", json.dumps(asked).encode(), timeout=5)
    answer = json.loads(message.data)
    assert "error" not in answer
    return answer


async def test_the_first_look_creates_every_stream_and_every_durable(keeper):
    found = await keeper.look()

    streams = {stream.name for stream in DEFINITIONS.streams}
    durables = {f"{consumer.stream}/{consumer.name}" for consumer in DEFINITIONS.consumers}
    assert set(found.created) == streams | durables
    assert found.corrected == ()


async def test_a_second_look_changes_nothing(keeper):
    await keeper.look()

    found = await keeper.look()

    assert found.created == found.corrected == found.wrong == ()


async def test_a_stream_is_what_the_architecture_says(keeper, connect_as):
    await keeper.look()

    client = await connect_as("administrator")
    config = (await _ask(client, "STREAM.INFO.OTKLIK_TICKETS"))["config"]
    assert config["subjects"] == ["otklik.tickets.v1.>"]
    assert config["storage"] == "file"
    assert config["retention"] == "limits"
    assert config["max_age"] == 14 * 24 * 3600 * 10**9
    assert config["duplicate_window"] == 600 * 10**9
    assert config["allow_atomic"] is True
    assert config["max_msg_size"] > 256 * 1024
    assert config.get("deny_delete", False) is False
    assert config.get("deny_purge", False) is False


async def test_a_durable_is_what_the_architecture_says(keeper, connect_as):
    await keeper.look()

    client = await connect_as("administrator")
    config = (await _ask(client, "CONSUMER.INFO.OTKLIK_TICKETS.sla__tickets"))["config"]
    assert config["deliver_policy"] == "all"
    assert config["ack_policy"] == "explicit"
    assert config["max_deliver"] == -1
    assert config["ack_wait"] == 60 * 10**9
    assert config["max_ack_pending"] == 1000
    assert "filter_subject" not in config
    assert "deliver_subject" not in config


async def test_a_changed_stream_is_put_right(keeper, connect_as):
    await keeper.look()
    client = await connect_as("administrator")
    config = (await _ask(client, "STREAM.INFO.OTKLIK_SLA"))["config"]
    changed = {**config, "max_age": 3600 * 10**9, "allow_atomic": False, "max_msgs_per_subject": 5}
    await _ask(client, "STREAM.UPDATE.OTKLIK_SLA", **{**changed, "duplicate_window": 60 * 10**9})

    found = await keeper.look()

    assert found.corrected == ("OTKLIK_SLA",)
    assert (await _ask(client, "STREAM.INFO.OTKLIK_SLA"))["config"] == config


async def test_a_changed_durable_is_put_right_and_keeps_its_place(keeper, connect_as):
    await keeper.look()
    client = await connect_as("administrator")
    tickets = await connect_as("tickets")
    await tickets.jetstream().publish("otklik.tickets.v1.ticket_opened.1", b"")
    sla = await connect_as("sla")
    subscription = await sla.jetstream().pull_subscribe_bind(
        durable="sla__tickets", stream="OTKLIK_TICKETS"
    )
    await (await subscription.fetch(1, timeout=5))[0].ack_sync(timeout=5)
    asked = {
        "stream_name": "OTKLIK_TICKETS",
        "action": "update",
        "config": {
            "durable_name": "sla__tickets",
            "name": "sla__tickets",
            "ack_policy": "explicit",
            "deliver_policy": "all",
            "max_deliver": 3,
            "filter_subject": "otklik.tickets.v1.ticket_opened.*",
        },
    }
    await _ask(client, "CONSUMER.CREATE.OTKLIK_TICKETS.sla__tickets", **asked)

    found = await keeper.look()

    info = await _ask(client, "CONSUMER.INFO.OTKLIK_TICKETS.sla__tickets")
    assert found.corrected == ("OTKLIK_TICKETS/sla__tickets",)
    assert info["config"]["max_deliver"] == -1
    assert "filter_subject" not in info["config"]
    assert info["ack_floor"]["stream_seq"] == 1


async def test_a_deleted_stream_comes_back_with_its_durables(keeper, connect_as):
    await keeper.look()
    client = await connect_as("administrator")
    await _ask(client, "STREAM.DELETE.OTKLIK_INTAKE")

    found = await keeper.look()

    durables = {f"OTKLIK_INTAKE/{name}__intake" for name in ("tickets", "notify", "feedback")}
    assert set(found.created) == {"OTKLIK_INTAKE"} | durables


async def test_a_stream_that_goes_during_the_look_is_there_after_the_next_one(
    broker, keeper, connect_as, monkeypatch
):
    await keeper.look()
    client = await connect_as("administrator")
    look_at = broker.consumer

    async def deleted_first(wanted):
        monkeypatch.setattr(broker, "consumer", look_at)
        await _ask(client, f"STREAM.DELETE.{wanted.stream}")
        return await look_at(wanted)

    monkeypatch.setattr(broker, "consumer", deleted_first)
    provisioner = Provisioner(keeper)
    running = asyncio.create_task(provisioner.run())

    async with asyncio.timeout(10):
        while provisioner.ready() is not None:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
    await provisioner.drain()
    await running

    assert (await keeper.look()).created == ()


async def test_what_cannot_be_changed_in_place_is_reported_once_and_never_deleted(
    keeper, connect_as, caplog
):
    await keeper.look()
    client = await connect_as("administrator")
    config = (await _ask(client, "STREAM.INFO.OTKLIK_NOTIFY"))["config"]
    await _ask(client, "STREAM.DELETE.OTKLIK_NOTIFY")
    await _ask(client, "STREAM.CREATE.OTKLIK_NOTIFY", **{**config, "storage": "memory"})

    first, second = await keeper.look(), await keeper.look()

    assert first.wrong == second.wrong == ("OTKLIK_NOTIFY",)
    assert len([r for r in caplog.records if "cannot be corrected" in r.message]) == 1
    assert (await _ask(client, "STREAM.INFO.OTKLIK_NOTIFY"))["config"]["storage"] == "memory"


async def test_a_silent_broker_is_a_fact_not_a_crash(keeper, guarded_server):
    await guarded_server.kill()

    with pytest.raises(Unavailable):
        await keeper.look()
