"""One conversation, one trace, whoever touches it.

The trace of an aggregate's first event is kept with its head. What later happens to the aggregate
by a call, a timer or
a click is shown in that trace, with a link to the caller's own; after 24 hours a new trace begins,
linked to the old.
What happens in answer to an event continues that event's trace. An unsampled trace makes no span;
its context travels on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from opentelemetry import trace
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from otklik_runtime import envelope
from otklik_runtime.envelope import Incoming

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


def of_fact(head: Head, traceparent: str, *, said: str, started_ns: int) -> str:
    """Return the trace context a new event is published with.

    Args:
        head: The aggregate's head after this event was counted.
        traceparent: The context the event arose in; empty outside any trace.
        said: The event's name: what the span is called where no running one lends its name.
        started_ns: When the work behind it began, in nanoseconds of the epoch: where its span
        starts.
    """
    if traceparent not in head.shown:
        head.shown[traceparent] = _shown(head, traceparent, said, started_ns)
    return head.shown[traceparent]


def _shown(head: Head, traceparent: str, said: str, started_ns: int) -> str:
    told, here = read(head.traceparent), read(traceparent)
    if told is None or here is None:
        return traceparent or head.traceparent
    if told.trace_id != here.trace_id:
        return _span(told, here, said, started_ns)
    earlier = read(head.before)
    if earlier is not None and earlier.trace_id != told.trace_id:
        return _span(here, earlier, said, started_ns)
    return traceparent


def _span(parent: SpanContext, link: SpanContext, said: str, started_ns: int) -> str:
    """Show the work since started_ns in the parent's trace, linked to the other."""
    if not parent.trace_flags.sampled:
        return written(parent)
    running = trace.get_current_span()
    name = getattr(running, "name", "") or f"say {said}"
    span = _TRACER.start_span(
        name,
        context=trace.set_span_in_context(NonRecordingSpan(parent)),
        links=[Link(link)],
        start_time=started_ns,
    )
    span.end()
    return written(span.get_span_context())


class BatchSpans:
    """The spans of one batch: one per sampled message in its story, one linked to all.

    Attributes:
        causes: What the batch's events are the cause of is shown in; by event id and aggregate id.
    """

    def __init__(self, events: Sequence[Incoming], owner: str) -> None:
        """Start them."""
        self.causes: dict[str, Cause] = {}
        self._spans: list[trace.Span] = []
        links: list[Link] = []
        for event in events:
            parent = read(event.traceparent)
            traceparent = event.traceparent
            if parent is not None and parent.trace_flags.sampled:
                links.append(Link(parent))
                span = _TRACER.start_span(
                    f"process {envelope.subject_prefix(event.type)}",
                    context=trace.set_span_in_context(NonRecordingSpan(parent)),
                    kind=SpanKind.CONSUMER,
                    attributes=_attributes(event, owner),
                )
                self._spans.append(span)
                traceparent = written(span.get_span_context())
            self.causes.update(causes_of(event, traceparent))
        if links:
            self._spans.append(
                _TRACER.start_span(
                    f"process batch {envelope.stream_of(owner)}",
                    context=trace.set_span_in_context(trace.INVALID_SPAN),
                    kind=SpanKind.CONSUMER,
                    links=links,
                    attributes={
                        "messaging.system": "nats",
                        "messaging.operation.name": "process",
                        "messaging.batch.message_count": len(events),
                    },
                )
            )

    def __enter__(self) -> None:
        """Do the batch's work inside."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        """End them all."""
        for span in self._spans:
            if kind is not None:
                span.set_attribute("error.type", kind.__name__)
                span.set_status(trace.StatusCode.ERROR)
            span.end()


def causes_of(event: Incoming, traceparent: str) -> dict[str, Cause]:
    """Return an incoming event as the cause of what is recorded next, by its id and aggregate."""
    cause = Cause(event_id=event.event_id, traceparent=traceparent)
    return {event.event_id: cause, event.aggregate_id: cause}


def _attributes(event: Incoming, owner: str) -> dict[str, str | int]:
    return {
        "messaging.system": "nats",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": envelope.stream_of(owner),
        "messaging.destination.template": f"{envelope.subject_prefix(event.type)}.{{id}}",
        "messaging.message.id": event.event_id,
        "messaging.message.conversation_id": event.aggregate_id,
        "otklik.delivery_count": event.delivery_count,
    }
