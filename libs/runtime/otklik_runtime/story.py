"""One conversation, one trace, whoever touches it.

The trace of an aggregate's first event is kept with its head. What later happens to the aggregate
by a call, a timer or
a click is shown in that trace, with a link to the caller's own; after 24 hours a new trace begins,
linked to the old.
What happens in answer to an event continues that event's trace. An unsampled trace makes no span;
its context travels on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from opentelemetry import trace
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, TraceFlags

LENGTH = timedelta(hours=24)
"""How long an aggregate's trace is continued."""

_PARTS = 4
_TRACER = trace.get_tracer("otklik")


@dataclass(kw_only=True, slots=True)
class Head:
    """Where an aggregate stands: its version, its trace, and the trace it had before."""

    version: int
    traceparent: str
    before: str
    shown: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """An incoming event and the span it is handled in."""

    event_id: str
    traceparent: str


def current() -> str:
    """Return the W3C traceparent of the running span; empty outside any."""
    return written(trace.get_current_span().get_span_context())


def written(context: SpanContext) -> str:
    """Write a span context as W3C traceparent; empty if it is none."""
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def read(traceparent: str) -> SpanContext | None:
    """Read a W3C traceparent; None if it is none."""
    parts = traceparent.split("-")
    if len(parts) != _PARTS:
        return None
    try:
        context = SpanContext(
            trace_id=int(parts[1], 16),
            span_id=int(parts[2], 16),
            is_remote=True,
            trace_flags=TraceFlags(int(parts[3], 16)),
        )
    except ValueError:
        return None
    return context if context.is_valid else None


def of_fact(head: Head, traceparent: str, *, started_ns: int) -> str:
    """Return the trace context a new event is published with.

    Args:
        head: The aggregate's head after this event was counted.
        traceparent: The context the event arose in; empty outside any trace.
        started_ns: When the work behind it began, in nanoseconds of the epoch: where its span
        starts.
    """
    if traceparent not in head.shown:
        head.shown[traceparent] = _shown(head, traceparent, started_ns=started_ns)
    return head.shown[traceparent]


def _shown(head: Head, traceparent: str, *, started_ns: int) -> str:
    told, here = read(head.traceparent), read(traceparent)
    if told is None or here is None:
        return traceparent or head.traceparent
    if told.trace_id != here.trace_id:
        return _span(told, here, started_ns=started_ns)
    earlier = read(head.before)
    if earlier is not None and earlier.trace_id != told.trace_id:
        return _span(here, earlier, started_ns=started_ns)
    return traceparent


def _span(parent: SpanContext, link: SpanContext, *, started_ns: int) -> str:
    """Show the work since started_ns in the parent's trace, linked to the other."""
    if not parent.trace_flags.sampled:
        return written(parent)
    running = trace.get_current_span()
    name = getattr(running, "name", "") or "process"
    span = _TRACER.start_span(
        name,
        context=trace.set_span_in_context(NonRecordingSpan(parent)),
        links=[Link(link)],
        start_time=started_ns,
    )
    span.end()
    return written(span.get_span_context())
