"""Spans made by hand, for what a well-behaved SDK never sends."""

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tools.traces.model import Span, SpanEvent, SpanLink

MILLISECOND = 1_000_000
TRACE = "11" * 16
OTHER_TRACE = "22" * 16


def a_span(name: str, start_ms: float, end_ms: float, **fields) -> Span:
    """Make a span whose id is told by its name."""
    known = {
        "trace_id": TRACE,
        "span_id": an_id(name),
        "parent_id": None,
        "kind": "internal",
        "service": "intake",
        "scope": "",
        "status": "unset",
        "status_message": "",
        "trace_state": "",
        "attributes": {},
        "resource": {},
        "events": (),
        "links": (),
    }
    times = {"start_ns": int(start_ms * MILLISECOND), "end_ns": int(end_ms * MILLISECOND)}
    return Span(name=name, **(known | times | fields))


def an_id(name: str) -> str:
    """Return the id of the span with this name."""
    return name.encode().hex().ljust(16, "0")[:16]


def a_link(trace_id: str, name: str) -> SpanLink:
    """Make a link to the span with this name."""
    return SpanLink(trace_id=trace_id, span_id=an_id(name), attributes={}, trace_state="")


def a_mark(name: str, at_ms: float) -> SpanEvent:
    """Make an event inside a span."""
    return SpanEvent(name=name, at_ns=int(at_ms * MILLISECOND), attributes={})


def a_request(*names: str, service: str = "intake", **ids: bytes) -> ExportTraceServiceRequest:
    """Make an export request; `ids` overrides the trace or span id of every span."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    attribute = resource_spans.resource.attributes.add()
    attribute.key = "service.name"
    attribute.value.string_value = service
    scope_spans = resource_spans.scope_spans.add()
    for name in names:
        span = scope_spans.spans.add(name=name)
        span.trace_id = ids.get("trace_id", bytes.fromhex(TRACE))
        span.span_id = ids.get("span_id", bytes.fromhex(an_id(name)))
        span.start_time_unix_nano = MILLISECOND
        span.end_time_unix_nano = 2 * MILLISECOND
    return request
