"""The history can be trusted, and people can be taken out of it."""

import pytest

from libs.runtime.tests.events.world import (
    an_event,
    eventually,
    fetch,
    received,
    refused,
    running,
    to_note,
)
from otklik.intake.v1 import events_pb2
from otklik.ops.v1 import ops_service_pb2 as pb
from otklik_runtime import ids, personal
from otklik_runtime.ops_service import OpsService

SECRETS = ("anna@example.org", "Анна", "Не работает", "Помогите")


async def say(world, *messages):
    async with world.owner.transaction() as tx:
        for message in messages:
            tx.record(message, aggregate_id=message.conversation_id)


async def erase(world, *aggregates):
    async with world.owner.transaction() as tx:
        return await personal.erase(tx.connection, aggregates)


async def test_a_history_nobody_touched_proves_itself(world):
    await say(world, received(ids.new_id()), refused(ids.new_id()), received(ids.new_id(), ""))

    assert all(personal.is_unchanged(row) for row in await world.rows())


async def test_erasure_blanks_what_is_personal_by_descriptor_and_nothing_else(world):
    erased, kept = ids.new_id(), ids.new_id()
    await say(world, received(erased), received(kept), refused(erased))
    before = await world.rows()

    receipt = await erase(world, erased)

    assert receipt == personal.Receipt(events=1, dead_letters=0)
    after = await world.rows()
    message = events_pb2.MessageReceived.FromString(after[0]["payload"])
    assert message.conversation_id == erased
    assert (message.locale, message.reply_route.account) == ("ru", "channelAccounts/main")
    personal_fields = (
        message.text,
        message.sender_name,
        message.subject,
        message.sender_address,
        message.reply_route.address,
    )
    assert personal_fields == ("", "", "", "", "")
    assert not any(secret.encode() in after[0]["payload"] for secret in SECRETS)
    assert after[1:] == before[1:]


async def test_erasure_destroys_the_salt_and_the_audit_hash_still_holds(world):
    aggregate = ids.new_id()
    await say(world, received(aggregate))
    (before,) = await world.rows()

    await erase(world, aggregate)

    (after,) = await world.rows()
    assert before["personal_salt"] is not None
    assert after["personal_salt"] is None
    assert after["personal_digest"] == before["personal_digest"]
    assert after["audit_hash"] == before["audit_hash"]
    assert personal.is_unchanged(after)


async def test_erasing_twice_changes_nothing(world):
    aggregate = ids.new_id()
    await say(world, received(aggregate))
    await erase(world, aggregate)
    before = await world.rows()

    assert (await erase(world, aggregate)).events == 0

    assert await world.rows() == before


FORGED = received(ids.new_id(), text="Всё хорошо").SerializeToString()
TAMPERED = {
    "the words": ("payload = $1", FORGED),
    "the time": ("occurred_at = occurred_at - interval '1 s'", None),
    "the hour of writing": ("recorded_at = recorded_at - interval '1 s'", None),
    "who": ("actor = 'agent/other'", None),
    "why": ("cause_id = gen_random_uuid()", None),
    "the place": ("version = 9", None),
    "whose": ("aggregate_id = gen_random_uuid()", None),
    "what": ("type = 'otklik.intake.v1.MessageRefused'", None),
    "the proof": ("personal_digest = null, personal_salt = null", None),
    "the salt": ("personal_salt = '\\x00'::bytea", None),
}


@pytest.mark.parametrize(("change", "value"), TAMPERED.values(), ids=TAMPERED.keys())
async def test_whoever_changes_a_row_is_found_out(world, change, value):
    await say(world, received(ids.new_id()))

    values = () if value is None else (value,)
    statement = f"update events set {change} returning 1"  # noqa: S608 - of this file
    await fetch(world.owner_url, statement, *values)

    (row,) = await world.rows()
    assert not personal.is_unchanged(row)


async def test_words_put_back_after_erasure_are_found_out(world):
    aggregate = ids.new_id()
    message = received(aggregate)
    await say(world, message)
    await erase(world, aggregate)

    put_back = "update events set payload = $1 returning 1"
    await fetch(world.owner_url, put_back, message.SerializeToString())

    (row,) = await world.rows()
    assert not personal.is_unchanged(row)


async def test_the_same_words_twice_have_two_digests(world):
    """Without the salt nobody can find out what an erased event said by trying."""
    one = received(ids.new_id())
    await say(world, one, one)

    first, second = await world.rows()
    assert first["personal_digest"] != second["personal_digest"]


async def test_an_event_without_personal_data_needs_no_salt(world):
    await say(world, refused(ids.new_id()))

    (row,) = await world.rows()
    assert row["personal_salt"] is None
    assert row["personal_digest"] is None
    assert personal.is_unchanged(row)


async def test_an_erased_event_is_read_back_and_published_without_people(world):
    aggregate = ids.new_id()
    await say(world, received(aggregate))
    await erase(world, aggregate)

    service = OpsService(world.owner)
    (read,) = [event async for event in service.ReadEvents(pb.ReadEventsRequest(), None)]
    async with running(await world.relay()):
        await eventually(world.all_published)

    (sent,) = await world.published()
    for payload in (read.payload, sent.data):
        assert not any(secret.encode() in payload for secret in SECRETS)


async def test_erasure_reaches_the_dead_letters_of_a_reader(world):
    reader = await world.reader(translate={events_pb2.MessageReceived: to_note})
    aggregate, other = ids.new_id(), ids.new_id()
    now = await reader.database.now()
    kind = events_pb2.MessageReceived.DESCRIPTOR.full_name
    for one, payload in (
        (aggregate, received(aggregate).SerializeToString()),  # lacks the channel of the reply
        (other, received(other).SerializeToString()),
        (aggregate, b"Anna \xff\xff"),
    ):
        version = 2 if payload.startswith(b"Anna") else 1
        await world.publish(
            an_event(one, version, recorded_at=now, type_name=kind, payload=payload)
        )
    async with running(reader.subscription):
        await eventually(world.settled)
    async with reader.database.transaction() as tx:
        receipt = await personal.erase(tx.connection, [aggregate])

    assert receipt.dead_letters == 2
    payloads = {
        (row["aggregate_id"], row["version"]): row["payload"] for row in await reader.letters()
    }
    assert payloads[aggregate, 2] == b""
    assert not any(secret.encode() in payloads[aggregate, 1] for secret in SECRETS)
    assert "Анна".encode() in payloads[other, 1]


def test_what_is_redacted_keeps_everything_else():
    message = received(ids.new_id())

    public = personal.redacted(message)

    assert not any(secret in str(public) for secret in SECRETS)
    assert public.item_id == message.item_id
    assert message.text == "Помогите"
