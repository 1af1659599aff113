"""Turns an OTLP export request into spans, refusing one by one those that break the protocol."""

from collections.abc import Iterable
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

from tools.traces.model import Attributes, Span, SpanEvent, SpanLink, Value

_TRACE_ID_OCTETS = 16
_SPAN_ID_OCTETS = 8
_STATUS = {0: "unset", 1: "ok", 2: "error"}
_KIND = {
    0: "unspecified",
    1: "internal",
    2: "server",
    3: "client",
    4: "producer",
    5: "consumer",
}


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """The spans of a request that hold, and why the others do not."""

    spans: tuple[Span, ...]
    refusals: tuple[str, ...]


def decode(request: ExportTraceServiceRequest) -> Decoded:
    """Read every span of a request."""
    spans: list[Span] = []
    refusals: list[str] = []
    for resource_spans in request.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for raw in scope_spans.spans:
                refusal = _refusal(raw)
                if refusal is None:
                    spans.append(_span(raw, resource, scope_spans.scope.name))
                else:
                    refusals.append(refusal)
    return Decoded(spans=tuple(spans), refusals=tuple(refusals))


def response(refused: int, reason: str) -> ExportTraceServiceResponse:
    """Answer an export; a partial success says how many spans were refused and why."""
    answer = ExportTraceServiceResponse()
    if refused:
        answer.partial_success.rejected_spans = refused
        answer.partial_success.error_message = reason
    return answer


def _refusal(raw: trace_pb2.Span) -> str | None:
    if len(raw.trace_id) != _TRACE_ID_OCTETS or not any(raw.trace_id):
        return "a trace id has 16 bytes, not all of them zero"
    if len(raw.span_id) != _SPAN_ID_OCTETS or not any(raw.span_id):
        return "a span id has 8 bytes, not all of them zero"
    if raw.end_time_unix_nano < raw.start_time_unix_nano:
        return "a span ends after it starts"
    return None


def _span(raw: trace_pb2.Span, resource: Attributes, scope: str) -> Span:
    return Span(
        trace_id=raw.trace_id.hex(),
        span_id=raw.span_id.hex(),
        parent_id=raw.parent_span_id.hex() if any(raw.parent_span_id) else None,
        name=raw.name,
        kind=_KIND.get(raw.kind, "unspecified"),
        service=str(resource.get("service.name", "unknown_service")),
        scope=scope,
        start_ns=raw.start_time_unix_nano,
        end_ns=raw.end_time_unix_nano,
        status=_STATUS.get(raw.status.code, "unset"),
        status_message=raw.status.message,
        trace_state=raw.trace_state,
        attributes=_attributes(raw.attributes),
        resource=resource,
        events=tuple(
            SpanEvent(
                name=event.name,
                at_ns=event.time_unix_nano,
                attributes=_attributes(event.attributes),
            )
            for event in raw.events
        ),
        links=tuple(
            SpanLink(
                trace_id=link.trace_id.hex(),
                span_id=link.span_id.hex(),
                attributes=_attributes(link.attributes),
                trace_state=link.trace_state,
            )
            for link in raw.links
        ),
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Value]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(raw: AnyValue) -> Value:  # noqa: PLR0911 - one return for each kind of value
    match raw.WhichOneof("value"):
        case "string_value":
            return raw.string_value
        case "bool_value":
            return raw.bool_value
        case "int_value":
            return raw.int_value
        case "double_value":
            return raw.double_value
        case "array_value":
            return [_value(item) for item in raw.array_value.values]
        case "kvlist_value":
            return _attributes(raw.kvlist_value.values)
        case "bytes_value":
            return raw.bytes_value.hex()
        case _:
            return None
