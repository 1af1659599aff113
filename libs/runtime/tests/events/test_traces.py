"""One conversation, one trace: kept with its aggregate, continued by readers, linked elsewhere."""

from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from libs.runtime.tests.events.world import (
    an_event,
    eventually,
    fetch,
    refused,
    running,
)
from otklik.ops.v1 import ops_service_pb2 as pb
from otklik.tickets.v1 import events_pb2
from otklik_runtime import ids, story, subscription
from otklik_runtime.clock import FrozenClock
from otklik_runtime.errors import RuleBroken
from otklik_runtime.ops_service import OpsService

TRACER = trace.get_tracer("tests")
UNSAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def say(world, aggregate, **options):
    async with world.owner.transaction() as tx:
        tx.record(refused(aggregate), aggregate_id=aggregate, **options)


async def traceparents(world):
    return [row["traceparent"] for row in await world.rows()]


def named(spans, name):
    return [span for span in spans.get_finished_spans() if span.name == name]


def trace_of(traceparent):
    return traceparent.split("-")[1]


async def test_an_aggregates_first_event_is_published_with_the_span_of_its_call(world, spans):
    with TRACER.start_as_current_span("first call") as call:
        await say(world, ids.new_id())

    assert await traceparents(world) == [story.written(call.get_span_context())]


async def test_a_later_call_is_shown_in_the_aggregates_trace_and_linked_to_its_own(world, spans):
    aggregate = ids.new_id()
    with TRACER.start_as_current_span("first call") as first:
        await say(world, aggregate)
    with TRACER.start_as_current_span("later call") as later:
        await say(world, aggregate)

    shown = next(span for span in named(spans, "later call") if span.parent is not None)
    assert shown.context.trace_id == first.get_span_context().trace_id
    assert shown.parent.span_id == first.get_span_context().span_id
    assert [link.context.span_id for link in shown.links] == [later.get_span_context().span_id]
    assert (await traceparents(world))[1] == story.written(shown.context)


async def test_several_events_of_one_call_are_shown_once(world, spans):
    aggregate = ids.new_id()
    with TRACER.start_as_current_span("first call"):
        await say(world, aggregate)
    with TRACER.start_as_current_span("later call"):
        async with world.owner.transaction() as tx:
            for _ in range(3):
                tx.record(refused(aggregate), aggregate_id=aggregate)

    assert len(named(spans, "later call")) == 2
    assert len(set((await traceparents(world))[1:])) == 1


async def test_after_24_hours_a_new_trace_begins_and_is_linked_to_the_old(world, spans):
    clock = FrozenClock(datetime(2026, 3, 1, tzinfo=UTC))
    await world.open_owner(world.owner_url, clock=clock)
    aggregate = ids.new_id()
    with TRACER.start_as_current_span("first call") as first:
        await say(world, aggregate)
    clock.advance(timedelta(hours=23))
    with TRACER.start_as_current_span("next day"):
        await say(world, aggregate)
    clock.advance(timedelta(hours=2))
    with TRACER.start_as_current_span("day after") as after:
        await say(world, aggregate)
        await say(world, aggregate)

    _, within, beyond, continued = await traceparents(world)
    begun = trace_of(story.written(first.get_span_context()))
    anew = trace_of(story.written(after.get_span_context()))
    assert trace_of(within) == begun
    assert trace_of(beyond) == trace_of(continued) == anew
    linked = [span for span in named(spans, "day after") if span.links]
    assert [f"{span.links[0].context.trace_id:032x}" for span in linked] == [begun]


async def test_what_a_timer_does_is_shown_in_the_aggregates_trace_whenever_it_is(world, spans):
    clock = FrozenClock(datetime(2026, 3, 1, tzinfo=UTC))
    await world.open_owner(world.owner_url, clock=clock)
    aggregate = ids.new_id()
    with TRACER.start_as_current_span("first call") as first:
        await say(world, aggregate)
    for _ in range(2):
        clock.advance(timedelta(hours=20))
        await say(world, aggregate)

    told = story.written(first.get_span_context())
    assert await traceparents(world) == [told, told, told]


async def test_an_unsampled_call_makes_no_span_and_its_context_travels_on(world, spans):
    context = SpanContext(
        trace_id=int(trace_of(UNSAMPLED), 16),
        span_id=int(UNSAMPLED.split("-")[2], 16),
        is_remote=True,
        trace_flags=TraceFlags(0),
    )
    aggregate = ids.new_id()
    with trace.use_span(NonRecordingSpan(context)):
        await say(world, aggregate)
    with TRACER.start_as_current_span("later call"):
        await say(world, aggregate)

    assert await traceparents(world) == [UNSAMPLED, UNSAMPLED]
    assert [span.name for span in spans.get_finished_spans()] == ["later call"]


async def test_an_event_without_any_trace_has_none(world):
    await say(world, ids.new_id())

    assert await traceparents(world) == [None]


@pytest.fixture
async def reader(world):
    """Give a reader that answers each event with one of its own, of the same aggregate."""
    reader = await world.reader()

    async def attempt(tx, notes):
        for note in notes:
            answer = events_pb2.MessageRejected(conversation_id=note.aggregate_id)
            tx.record(answer, aggregate_id=note.aggregate_id)

    reader.attempt = attempt
    return reader


async def read(world, reader, *traceparents):
    now = await reader.database.now()
    events = [an_event(ids.new_id(), 1, recorded_at=now, traceparent=one) for one in traceparents]
    await world.publish(*events)
    async with running(reader.subscription):
        await eventually(world.settled)
    return events


async def answers(reader):
    return await fetch(reader.url, "select * from events order by position")


async def test_a_reader_continues_the_trace_with_one_span_which_its_outbox_stores(
    world, reader, spans
):
    (event,) = await read(world, reader, SAMPLED)

    (span,) = named(spans, "process otklik.intake.v1.message_refused")
    assert story.written(span.parent) == SAMPLED
    assert span.kind is trace.SpanKind.CONSUMER
    assert span.attributes["messaging.message.id"] == event.event_id
    assert span.attributes["messaging.message.conversation_id"] == event.aggregate_id
    (answer,) = await answers(reader)
    assert answer["traceparent"] == story.written(span.context)
    assert str(answer["cause_id"]) == event.event_id


async def test_a_batch_has_one_span_in_a_trace_of_its_own_linked_to_every_sampled_message(
    world, reader, spans, monkeypatch
):
    monkeypatch.setattr(subscription, "FETCH_SECONDS", 1.5)
    others = [f"00-{number:032x}-{number:016x}-01" for number in (1, 2)]
    await read(world, reader, SAMPLED, UNSAMPLED, "", *others)

    (batch,) = named(spans, "process batch OTKLIK_INTAKE")
    assert batch.parent is None
    assert [story.written(link.context) for link in batch.links] == [SAMPLED, *others]
    assert batch.attributes["messaging.batch.message_count"] == 5
    assert len(spans.get_finished_spans()) == 4


async def test_an_unsampled_message_makes_no_span_and_its_context_travels_on(world, reader, spans):
    await read(world, reader, UNSAMPLED)

    assert [row["traceparent"] for row in await answers(reader)] == [UNSAMPLED]
    assert spans.get_finished_spans() == ()


async def test_a_span_of_work_that_failed_says_so(world, reader, spans):
    async def attempt(tx, notes):
        raise RuleBroken("not_allowed", "the rules forbid it")

    reader.attempt = attempt
    await read(world, reader, SAMPLED)

    (span,) = named(spans, "process otklik.intake.v1.message_refused")
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.attributes["error.type"] == "RuleBroken"


async def test_what_a_replayed_letter_causes_continues_its_trace(world, reader):
    answering = reader.attempt

    async def attempt(tx, notes):
        raise RuleBroken("not_allowed", "the rules forbid it")

    reader.attempt = attempt
    (event,) = await read(world, reader, SAMPLED)
    reader.attempt = answering
    (letter,) = await reader.letters()
    request = pb.ReplayDeadLetterRequest(name=f"deadLetters/{letter['id']}")
    await OpsService(reader.database, [reader.subscription]).ReplayDeadLetter(request, None)

    (answer,) = await answers(reader)
    assert answer["traceparent"] == SAMPLED
    assert str(answer["cause_id"]) == event.event_id


async def test_an_event_of_another_aggregate_continues_the_trace_of_the_cause_it_names(
    world, reader
):
    other = ids.new_id()

    async def attempt(tx, notes):
        answer = events_pb2.MessageRejected(conversation_id=other)
        tx.record(answer, aggregate_id=other, cause=notes[0].event_id)

    reader.attempt = attempt
    (event,) = await read(world, reader, UNSAMPLED)

    (answer,) = await answers(reader)
    assert answer["traceparent"] == UNSAMPLED
    assert str(answer["cause_id"]) == event.event_id


@pytest.mark.parametrize("text", ["", "x", "00-0-0-01", "00-zz-11-01", "00-11-22-01-99"])
def test_what_is_no_trace_context_is_none(text):
    assert story.read(text) is None
