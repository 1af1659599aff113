"""One message must not stop the others, whatever is in it and whatever it does to the reader."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.runtime.tests.events.world import (
    STREAM,
    an_event,
    eventually,
    fetch,
    received,
    running,
    to_note,
)
from otklik.intake.v1 import events_pb2
from otklik_runtime import envelope, ids, subscription
from otklik_runtime.errors import (
    Forbidden,
    InvalidInput,
    LimitExceeded,
    NotFound,
    RuleBroken,
    Unauthenticated,
)


@pytest.fixture(autouse=True)
def _without_delays(monkeypatch):
    monkeypatch.setattr(subscription, "_DELAYS", (0.01,))


async def event(reader, **changes):
    return an_event(ids.new_id(), 1, recorded_at=await reader.database.now(), **changes)


BROKEN = {
    "no id": {"ce_id": None},
    "an id that is none": {"ce_id": "17"},
    "no type": {"ce_type": None},
    "no subject": {"ce_subject": None},
    "a subject that is no uuid": {"ce_subject": "conversation"},
    "no version": {"ce_sequence": None},
    "version 0": {"ce_sequence": "0"},
    "a version that is no number": {"ce_sequence": "²"},
    "a version beyond all": {"ce_sequence": "9" * 30},
    "no time": {"ce_time": None},
    "a time without offset": {"ce_recordedtime": "2026-01-01T00:00:00"},
    "a time before time": {"ce_time": "0001-01-01T00:00:00+14:00"},
    "a character that no text may hold": {"ce_type": "\0", "ce_sequence": "x"},
}


async def test_headers_that_cannot_be_read_are_set_aside_at_once(world):
    reader = await world.reader()
    broken = [await event(reader) for _ in BROKEN]
    for bad, headers in zip(broken, BROKEN.values(), strict=True):
        await world.publish(bad, **headers)
    good = await event(reader)
    await world.publish(good)

    async with running(reader.subscription):
        await eventually(world.settled)

    assert await reader.applied() == [1]
    letters = {letter["payload"]: letter for letter in await reader.letters()}
    why = dict(zip(BROKEN, (letters.get(bad.payload) for bad in broken), strict=True))
    assert {name: letter and letter["reason"] for name, letter in why.items()} == dict.fromkeys(
        BROKEN, "undecodable"
    )
    assert {letter["delivery_count"] for letter in why.values()} == {1}
    assert {json.loads(letter["headers"])["ce-source"] for letter in why.values()} == {
        "/otklik/intake"
    }


async def test_a_message_without_any_header_is_set_aside(world):
    reader = await world.reader()
    await world.client.jetstream().publish("otklik.intake.v1.message_refused.x", b"garbage")

    async with running(reader.subscription):
        await eventually(world.settled)

    assert [letter["reason"] for letter in await reader.letters()] == ["undecodable"]


async def test_bytes_that_are_no_message_are_set_aside_with_their_original(world, counted):
    reader = await world.reader()
    bad = await event(reader, payload=b"\xff\xff\xff")
    await world.publish(bad)

    async with running(reader.subscription):
        await eventually(world.settled)

    (letter,) = await reader.letters()
    assert letter["reason"] == "undecodable"
    assert letter["payload"] == b"\xff\xff\xff"
    assert (letter["stream"], letter["sequence"]) == (STREAM, 1)
    assert (letter["type"], letter["aggregate_id"]) == (bad.type, bad.aggregate_id)
    assert letter["subject"] == bad.subject
    assert counted["otklik.dead_letters"] == 1


async def test_a_message_that_breaks_its_contract_is_set_aside_without_its_content(world):
    reader = await world.reader(translate={events_pb2.MessageReceived: to_note})
    message = received(ids.new_id(), text="тайна")
    message.locale = "тайна"
    bad = await event(
        reader,
        type_name=message.DESCRIPTOR.full_name,
        payload=message.SerializeToString(),
    )
    await world.publish(bad)

    async with running(reader.subscription):
        await eventually(world.settled)

    (letter,) = await reader.letters()
    assert letter["reason"] == "invalid_event"
    assert "тайна" not in letter["error"]


@pytest.mark.parametrize("kind", [InvalidInput, RuleBroken, Forbidden, Unauthenticated])
async def test_what_will_always_be_refused_is_set_aside_at_once(world, kind):
    reader = await world.reader()
    await world.publish(await event(reader))

    async def attempt(tx, notes):
        raise kind("always_so", "it is so")

    reader.attempt = attempt

    async with running(reader.subscription):
        await eventually(world.settled)

    assert len(reader.batches) == 1
    assert [letter["reason"] for letter in await reader.letters()] == ["always_so"]


@pytest.mark.parametrize("kind", [NotFound, LimitExceeded])
async def test_what_may_be_different_later_is_tried_again(world, kind):
    reader = await world.reader()
    await world.publish(await event(reader))
    fails = [True] * 3

    async def attempt(tx, notes):
        if fails:
            fails.pop()
            raise kind("not_now", "it is not so yet")

    reader.attempt = attempt

    async with running(reader.subscription):
        await eventually(world.settled)

    assert len(reader.batches) == 4
    assert await reader.applied() == [1]
    assert await reader.letters() == []


async def test_a_bug_is_tried_8_times_and_then_set_aside_and_no_neighbour_waits(world, counted):
    reader = await world.reader()
    bad, good = await event(reader), await event(reader)
    await world.publish(bad, good)

    async def attempt(tx, notes):
        if any(note.event_id == bad.event_id for note in notes):
            raise ZeroDivisionError

    reader.attempt = attempt

    async with running(reader.subscription):
        await eventually(world.settled)

    alone = [batch for batch in reader.batches if [n.event_id for n in batch] == [bad.event_id]]
    assert len(alone) == 8
    assert await reader.applied(good.aggregate_id) == [1]
    (letter,) = await reader.letters()
    assert (letter["reason"], letter["error"]) == ("handler_failed", "ZeroDivisionError")
    assert letter["delivery_count"] == 8
    assert counted["otklik.subscription.failures"] == 8


async def test_what_was_delivered_more_than_3_times_is_handled_alone(world, monkeypatch):
    monkeypatch.setattr(subscription, "FETCH_SECONDS", 1.5)
    reader = await world.reader()
    suspects = [await event(reader), await event(reader)]
    await world.publish(*suspects)
    await world.deliver_and_lose(3)
    fresh = [await event(reader) for _ in range(3)]
    await world.publish(*fresh)

    async with running(reader.subscription):
        await eventually(world.settled)

    sizes = {note.event_id: len(batch) for batch in reader.batches for note in batch}
    assert [sizes[one.event_id] for one in suspects] == [1, 1]
    assert [sizes[one.event_id] for one in fresh] == [3, 3, 3]


async def test_what_was_delivered_more_than_8_times_is_set_aside_unhandled(world):
    reader = await world.reader()
    deadly = await event(reader)
    await world.publish(deadly)
    await world.deliver_and_lose(8)
    fresh = await event(reader)
    await world.publish(fresh)

    async with running(reader.subscription):
        await eventually(world.settled)

    handled = [note.event_id for batch in reader.batches for note in batch]
    assert handled == [fresh.event_id]
    (letter,) = await reader.letters()
    assert (letter["reason"], letter["delivery_count"]) == ("crashed_the_reader", 9)


async def test_what_was_delivered_8_times_is_handled_once_more(world):
    reader = await world.reader()
    await world.publish(await event(reader))
    await world.deliver_and_lose(7)

    async with running(reader.subscription):
        await eventually(world.settled)

    assert await reader.applied() == [1]


async def test_an_act_on_two_aggregates_is_one_event_for_each(world):
    one, other = ids.new_id(), ids.new_id()

    await world.say(one, other)

    rows = await fetch(world.owner_url, "select aggregate_id::text, version, subject from events")
    assert sorted(row["aggregate_id"] for row in rows) == sorted([one, other])
    assert {row["version"] for row in rows} == {1}
    assert {row["subject"].rpartition(".")[2] for row in rows} == {one, other}


NAMES = ("ce-id", "ce-type", "ce-subject", "ce-sequence", "ce-time", "ce-recordedtime", "other")
WORDS = st.one_of(st.text(max_size=20), st.sampled_from([ids.new_id(), "1", "2026-01-01T00:00Z"]))


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), WORDS), st.binary(max_size=50))
def test_whatever_arrives_is_read_or_refused(headers, payload):
    name = events_pb2.MessageRefused.DESCRIPTOR.full_name
    try:
        read = envelope.incoming(
            headers | {"ce-type": name},
            payload,
            wanted={name: events_pb2.MessageRefused},
            stream=STREAM,
            sequence=1,
            delivery_count=1,
        )
    except InvalidInput as error:
        assert error.code == "undecodable"  # noqa: PT017 - both ends are right
    else:
        assert ids.is_id(read.event_id)
        assert read.version > 0
