"""A trace as JSON, for programs: `GET /api/traces/{trace_id}`."""

from typing import Any

from tools.pages.formats import rfc3339
from tools.traces.model import Span, Trace
from tools.traces.store import TraceStore

_MILLISECOND = 1_000_000


def trace_summary(trace: Trace) -> dict[str, Any]:
    """Say what a list shows of a trace."""
    return {
        "trace_id": trace.trace_id,
        "root": {"service": trace.root.service, "name": trace.root.name},
        "services": list(trace.services),
        "started_at": rfc3339(trace.start_ns),
        "duration_ms": trace.duration_ns / _MILLISECOND,
        "span_count": len(trace.spans),
        "error_count": trace.failures,
    }


def trace_document(trace: Trace, store: TraceStore) -> dict[str, Any]:
    """Say everything about a trace, its spans in the order of the tree."""
    spans = [
        {"depth": branch.depth} | _span(branch.span, trace, store) for branch in trace.branches()
    ]
    return trace_summary(trace) | {"spans": spans}


def _span(span: Span, trace: Trace, store: TraceStore) -> dict[str, Any]:
    return {
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "name": span.name,
        "kind": span.kind,
        "service": span.service,
        "scope": span.scope,
        "started_at": rfc3339(span.start_ns),
        "offset_ms": (span.start_ns - trace.start_ns) / _MILLISECOND,
        "duration_ms": span.duration_ns / _MILLISECOND,
        "status": span.status,
        "status_message": span.status_message,
        "attributes": span.attributes,
        "resource": span.resource,
        "events": [
            {
                "name": event.name,
                "offset_ms": (event.at_ns - trace.start_ns) / _MILLISECOND,
                "attributes": event.attributes,
            }
            for event in span.events
        ],
        "links": [
            {"trace_id": link.trace_id, "span_id": link.span_id, "attributes": link.attributes}
            for link in span.links
        ],
        "linked_from": [
            {
                "trace_id": linker.trace_id,
                "span_id": linker.span_id,
                "service": linker.service,
                "name": linker.name,
            }
            for linker in store.linked_from(span)
        ],
    }
