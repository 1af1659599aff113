"""What could not be handled waits in a table for a person: list, show, replay, discard."""

import pytest

from libs.runtime.tests.events.world import (
    STREAM,
    an_event,
    eventually,
    fetch,
    received,
    running,
)
from otklik.intake.v1 import events_pb2
from otklik.ops.v1 import ops_service_pb2 as pb
from otklik_runtime import ids
from otklik_runtime.errors import InvalidInput, NotFound, RuleBroken
from otklik_runtime.ops_service import OpsService

OPEN, REPLAYED, DISCARDED = (
    pb.DEAD_LETTER_STATE_OPEN,
    pb.DEAD_LETTER_STATE_REPLAYED,
    pb.DEAD_LETTER_STATE_DISCARDED,
)


@pytest.fixture
async def reader(world):
    """Give a reader whose handler refuses everything until it is mended."""
    reader = await world.reader()

    async def attempt(tx, notes):
        raise RuleBroken("not_allowed", "the rules forbid it")

    reader.attempt = attempt
    reader.service = OpsService(reader.database, [reader.subscription])
    return reader


async def set_aside(world, reader, count=1):
    now = await reader.database.now()
    events = [an_event(ids.new_id(), 1, recorded_at=now) for _ in range(count)]
    await world.publish(*events)
    async with running(reader.subscription):
        await eventually(world.settled)
    return events


async def listed(service, **request):
    return await service.ListDeadLetters(pb.ListDeadLettersRequest(**request), None)


async def test_open_letters_are_listed_newest_first_without_their_bytes(world, reader):
    events = await set_aside(world, reader, 3)

    answer = await listed(reader.service)

    assert [letter.event_id for letter in answer.dead_letters] == [
        event.event_id for event in reversed(events)
    ]
    newest = answer.dead_letters[0]
    assert (newest.state, newest.reason, newest.stream) == (OPEN, "not_allowed", STREAM)
    assert (newest.sequence, newest.delivery_count, newest.payload) == (3, 1, b"")
    assert newest.HasField("create_time")
    assert not newest.HasField("settle_time")


async def test_letters_are_listed_page_by_page(world, reader):
    events = await set_aside(world, reader, 5)
    found, token = [], ""
    for _ in range(3):
        answer = await listed(reader.service, page_size=2, page_token=token)
        found += [letter.event_id for letter in answer.dead_letters]
        token = answer.next_page_token

    assert found == [event.event_id for event in reversed(events)]
    assert token == ""


@pytest.mark.parametrize("token", ["%%%", "Zm9v", "//8="])
async def test_a_page_token_that_is_none_of_ours_is_refused(reader, token):
    with pytest.raises(InvalidInput, match="page_token"):
        await listed(reader.service, page_token=token)


async def test_a_letter_is_shown_with_its_original_bytes_and_headers(world, reader):
    (event,) = await set_aside(world, reader)
    (letter,) = (await listed(reader.service)).dead_letters

    shown = await reader.service.GetDeadLetter(pb.GetDeadLetterRequest(name=letter.name), None)

    assert shown.payload == event.payload
    assert shown.headers["ce-id"] == event.event_id
    assert shown.subject == event.subject


NOBODY = f"deadLetters/{ids.new_id()}"
NO_UUID = "deadLetters/------------------------------------"


@pytest.mark.parametrize("name", [NOBODY, NO_UUID])
async def test_a_letter_that_is_not_there_is_not_found(reader, name):
    with pytest.raises(NotFound):
        await reader.service.GetDeadLetter(pb.GetDeadLetterRequest(name=name), None)
    with pytest.raises(NotFound):
        await reader.service.ReplayDeadLetter(pb.ReplayDeadLetterRequest(name=name), None)
    with pytest.raises(NotFound):
        await reader.service.DiscardDeadLetter(
            pb.DiscardDeadLetterRequest(name=name, reason="never was"), None
        )


async def only(reader):
    (letter,) = (await listed(reader.service)).dead_letters
    return letter.name


async def test_a_replayed_letter_is_handled_and_settled_in_one_transaction(world, reader):
    (event,) = await set_aside(world, reader)
    name = await only(reader)
    reader.attempt = None

    letter = await reader.service.ReplayDeadLetter(pb.ReplayDeadLetterRequest(name=name), None)

    assert letter.state == REPLAYED
    assert letter.HasField("settle_time")
    assert await reader.applied(event.aggregate_id) == [1]
    assert not (await listed(reader.service)).dead_letters
    answer = await listed(reader.service, state=REPLAYED)
    assert [one.name for one in answer.dead_letters] == [name]


async def test_a_replay_that_fails_again_leaves_the_letter_open(world, reader):
    await set_aside(world, reader)
    name = await only(reader)

    with pytest.raises(RuleBroken, match="not_allowed"):
        await reader.service.ReplayDeadLetter(pb.ReplayDeadLetterRequest(name=name), None)

    assert await only(reader) == name
    assert await reader.applied() == []


async def test_a_replayed_event_that_comes_again_is_a_duplicate(world, reader):
    (event,) = await set_aside(world, reader)
    reader.attempt = None
    request = pb.ReplayDeadLetterRequest(name=await only(reader))
    await reader.service.ReplayDeadLetter(request, None)

    await world.publish(event, Nats_Msg_Id=ids.new_id())
    async with running((await world.reader(reader.url)).subscription):
        await eventually(world.settled)

    assert await reader.applied() == [1]


async def test_a_discarded_letter_stays_with_its_reason(world, reader):
    await set_aside(world, reader)
    name = await only(reader)
    request = pb.DiscardDeadLetterRequest(name=name, reason="sent by a test")

    letter = await reader.service.DiscardDeadLetter(request, None)

    assert (letter.state, letter.discard_reason) == (DISCARDED, "sent by a test")
    assert not (await listed(reader.service)).dead_letters


async def test_a_settled_letter_is_not_settled_again(world, reader):
    await set_aside(world, reader)
    name = await only(reader)
    request = pb.DiscardDeadLetterRequest(name=name, reason="sent by a test")
    await reader.service.DiscardDeadLetter(request, None)

    with pytest.raises(RuleBroken, match="already"):
        await reader.service.ReplayDeadLetter(pb.ReplayDeadLetterRequest(name=name), None)
    with pytest.raises(RuleBroken, match="already"):
        await reader.service.DiscardDeadLetter(request, None)


async def test_a_letter_whose_reader_is_gone_can_only_be_discarded(world, reader):
    await set_aside(world, reader)
    name = await only(reader)
    service = OpsService(reader.database)

    with pytest.raises(RuleBroken, match="discard"):
        await service.ReplayDeadLetter(pb.ReplayDeadLetterRequest(name=name), None)


async def test_a_letter_that_cannot_be_read_cannot_be_replayed_either(world, reader):
    now = await reader.database.now()
    await world.publish(an_event(ids.new_id(), 1, recorded_at=now, payload=b"\xff\xff"))
    async with running(reader.subscription):
        await eventually(world.settled)
    request = pb.ReplayDeadLetterRequest(name=await only(reader))

    with pytest.raises(InvalidInput, match="cannot be read"):
        await reader.service.ReplayDeadLetter(request, None)


async def too_long(world, max_msg_size=4096):
    """Let the owner record an event that the stream does not take."""
    await world.delete_stream()
    await world.make_stream(max_msg_size=max_msg_size)
    async with world.owner.transaction() as tx:
        message = received(aggregate := ids.new_id(), text="x" * 5000)
        tx.record(message, aggregate_id=aggregate)


async def test_an_event_that_was_too_long_is_published_by_its_replay(world):
    await too_long(world)
    service = OpsService(world.owner)
    async with running(await world.relay()):
        (letter,) = await eventually(lambda: open_letters(service))
        config = (await world.info())["config"] | {"max_msg_size": 65536}
        await world.ask(f"$JS.API.STREAM.UPDATE.{STREAM}", **config)
        await service.ReplayDeadLetter(pb.ReplayDeadLetterRequest(name=letter.name), None)
        await eventually(
            lambda: fetch(world.owner_url, "select 1 from events where stream_sequence > 0")
        )

    assert letter.stream == "outbox"
    (sent,) = await world.published()
    assert sent.data == (await world.rows())[0]["payload"]
    assert sent.headers["ce-type"] == events_pb2.MessageReceived.DESCRIPTOR.full_name


async def open_letters(service):
    return list((await listed(service)).dead_letters)


async def test_an_event_that_is_still_too_long_is_an_open_letter_again(world):
    await too_long(world)
    service = OpsService(world.owner)
    async with running(await world.relay()):
        (letter,) = await eventually(lambda: open_letters(service))
        await service.ReplayDeadLetter(pb.ReplayDeadLetterRequest(name=letter.name), None)
        (again,) = await eventually(lambda: open_letters(service))

    assert again.name == letter.name
    assert not again.HasField("settle_time")
