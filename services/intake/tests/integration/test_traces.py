"""One story: door and reading are spans of one trace, and the event carries it on."""

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otklik_intake.entrypoints.smtp import SmtpServer
from otklik_intake.entrypoints.smtp_session import Mail
from otklik_intake.wire import item_message

MAIL = Mail(
    sender="ivan@customer.example",
    recipients=("support@desk.example",),
    original=b"From: ivan@customer.example\r\nMessage-ID: <1@c.example>\r\n\r\nhello\r\n",
    began_ns=1,
)


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider(shutdown_on_exit=False)
        trace.set_tracer_provider(provider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield exporter
    exporter.shutdown()


@pytest.fixture
def smtp(intake) -> Iterator[SmtpServer]:
    server = SmtpServer(
        intake.reception, intake.accounts, host="127.0.0.1", port=0, hostname="mx", max_bytes=65536
    )
    yield server
    server._socket.close()


async def test_the_story_begins_at_the_door_and_goes_on_in_the_reader(smtp, intake, spans):
    assert (await smtp.store(MAIL)).startswith("250")
    await intake.read()

    (said,) = await intake.said()
    door, reading = spans.get_finished_spans()
    trace_id = f"{door.context.trace_id:032x}"
    item = await intake.views.item(said.message.item_id)
    assert door.parent is None
    assert door.start_time == 1
    assert reading.parent.span_id == door.context.span_id
    assert said.traceparent.startswith(f"00-{trace_id}-{reading.context.span_id:016x}-")
    assert item_message(item).trace_id == trace_id


async def test_no_address_and_no_text_is_in_a_span(smtp, intake, spans):
    await smtp.store(MAIL)
    await intake.read()

    for span in spans.get_finished_spans():
        assert "customer.example" not in f"{span.name} {dict(span.attributes)}"
        assert "hello" not in f"{span.name} {dict(span.attributes)}"


async def test_what_is_not_sampled_makes_no_span_and_its_context_travels_on(intake, spans):
    unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    async with intake.reader._open_unit() as unit:
        assert unit._shown("MessageReceived", unsampled) == unsampled

    assert spans.get_finished_spans() == ()
