"""Spans arrive over both doors of OTLP, whole, and can be waited for."""

import asyncio
import gzip

import grpc
import pytest
from google.rpc import status_pb2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, set_span_in_context

from tests.traces.made_spans import TRACE, a_request, an_id
from tools.pages import PortBusy
from tools.traces import TraceReceiver
from tools.traces.otlp import MAX_REQUEST_OCTETS

PROTOBUF = {"content-type": "application/x-protobuf"}


async def test_spans_of_two_services_become_one_trace_with_everything_they_said(
    traces, traced_service
):
    intake, tickets = (traced_service(name).get_tracer("story") for name in ("intake", "tickets"))
    batch = tickets.start_span("fetch")
    root = intake.start_span("receive", kind=SpanKind.SERVER, attributes={"otklik.channel": "mail"})
    child = tickets.start_span(
        "process",
        context=set_span_in_context(root),
        kind=SpanKind.CONSUMER,
        links=[Link(batch.get_span_context(), {"reason": "batch"})],
        attributes={"count": 3, "exact": True, "share": 0.5, "names": ["a", "b"]},
    )
    child.add_event("committed", {"rows": 2})
    child.set_status(Status(StatusCode.ERROR, "no such customer"))
    for span in (child, root, batch):
        span.end()

    trace = await traces.wait_for(lambda trace: set(trace.services) == {"intake", "tickets"})

    received_root, received = trace.spans
    assert (received_root.name, received_root.kind) == ("receive", "server")
    assert received_root.attributes == {"otklik.channel": "mail"}
    assert received.parent_id == received_root.span_id
    assert received.kind == "consumer"
    assert received.scope == "story"
    assert received.attributes == {"count": 3, "exact": True, "share": 0.5, "names": ["a", "b"]}
    assert (received.status, received.status_message) == ("error", "no such customer")
    assert [(event.name, event.attributes) for event in received.events] == [
        ("committed", {"rows": 2})
    ]
    (link,) = received.links
    assert link.trace_id == format(batch.get_span_context().trace_id, "032x")
    assert link.span_id == format(batch.get_span_context().span_id, "016x")
    assert link.attributes == {"reason": "batch"}
    assert trace.spans == traces.spans(trace.trace_id)


async def test_a_wait_ends_when_the_trace_arrives_not_before(traces, traced_service):
    tracer = traced_service("intake").get_tracer("story")
    waiting = asyncio.create_task(
        traces.wait_for(lambda trace: trace.root.name == "late", timeout=10)
    )
    tracer.start_span("early").end()
    await traces.wait_for(lambda trace: trace.root.name == "early")
    assert not waiting.done()

    tracer.start_span("late").end()

    assert (await waiting).root.name == "late"


async def test_a_wait_in_vain_says_what_did_arrive(traces, browser):
    await browser.post(
        "/v1/traces", content=a_request("receive").SerializeToString(), headers=PROTOBUF
    )

    with pytest.raises(TimeoutError, match=r"intake/receive \(1\)"):
        await traces.wait_for(lambda trace: False, timeout=0.05)


async def test_spans_over_http_are_kept_compressed_or_not(traces, browser):
    plain = await browser.post(
        "/v1/traces", content=a_request("plain").SerializeToString(), headers=PROTOBUF
    )
    packed = await browser.post(
        "/v1/traces",
        content=gzip.compress(a_request("packed").SerializeToString()),
        headers=PROTOBUF | {"content-encoding": "gzip"},
    )

    assert [plain.status_code, packed.status_code] == [200, 200]
    assert not ExportTraceServiceResponse.FromString(plain.content).HasField("partial_success")
    assert {span.name for span in traces.spans(TRACE)} == {"plain", "packed"}


async def test_a_span_sent_twice_is_kept_once(traces, browser):
    body = a_request("again").SerializeToString()

    await browser.post("/v1/traces", content=body, headers=PROTOBUF)
    await browser.post("/v1/traces", content=body, headers=PROTOBUF)

    assert len(traces.spans(TRACE)) == 1
    assert traces.store.span_count == 1


@pytest.mark.parametrize(
    ("ids", "reason"),
    [
        ({"trace_id": bytes(16)}, "trace id"),
        ({"trace_id": b"short"}, "trace id"),
        ({"span_id": bytes(8)}, "span id"),
        ({"span_id": b""}, "span id"),
    ],
)
async def test_a_span_without_identity_is_refused_and_the_others_are_kept(
    traces, browser, ids, reason
):
    request = a_request("nobody", **ids)
    request.MergeFrom(a_request("somebody"))

    answer = await browser.post("/v1/traces", content=request.SerializeToString(), headers=PROTOBUF)

    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_spans == 1
    assert reason in partial.error_message
    assert [span.span_id for span in traces.spans(TRACE)] == [an_id("somebody")]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {"content-type": "application/json"}, 415),
        (b"\xff\xff not protobuf", PROTOBUF, 400),
        (b"not gzip", PROTOBUF | {"content-encoding": "gzip"}, 400),
        (gzip.compress(b"cut off")[:-6], PROTOBUF | {"content-encoding": "gzip"}, 400),
        (bytes(MAX_REQUEST_OCTETS + 1), PROTOBUF, 413),
        (
            gzip.compress(bytes(MAX_REQUEST_OCTETS + 1)),
            PROTOBUF | {"content-encoding": "gzip"},
            413,
        ),
    ],
    ids=["json", "noise", "no gzip", "half a gzip", "too large", "a bomb"],
)
async def test_a_body_that_is_no_export_is_refused_with_a_status(browser, body, headers, status):
    answer = await browser.post("/v1/traces", content=body, headers=headers)

    assert answer.status_code == status
    assert status_pb2.Status.FromString(answer.content).message


async def test_the_grpc_door_refuses_noise_and_goes_on(traces, traced_service):
    async with grpc.aio.insecure_channel(f"127.0.0.1:{traces.grpc_port}") as channel:
        call = channel.unary_unary(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            request_serializer=bytes,
            response_deserializer=bytes,
        )
        with pytest.raises(grpc.aio.AioRpcError):
            await call(b"\xff\xff")
    traced_service("intake").get_tracer("story").start_span("after").end()

    assert await traces.wait_for(lambda trace: trace.root.name == "after")


async def test_a_busy_port_is_named(traces):
    for ports in ({"grpc_port": traces.grpc_port}, {"http_port": traces.http_port}):
        second = TraceReceiver(**ports)

        with pytest.raises(PortBusy, match=str(next(iter(ports.values())))):
            await second.start()
