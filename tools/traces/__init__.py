"""Receives OpenTelemetry traces on a developer's machine and in tests, and shows them whole.

Services send OTLP here when nothing else is configured; any other backend takes its place by
`OTEL_EXPORTER_OTLP_ENDPOINT`. The same receiver runs as a process, in a test, and behind the page.
"""

from tools.traces.model import Span, SpanEvent, SpanLink, Trace
from tools.traces.receiver import TraceReceiver
from tools.traces.store import TraceStore
from tools.traces.text_tree import tree

__all__ = ["Span", "SpanEvent", "SpanLink", "Trace", "TraceReceiver", "TraceStore", "tree"]
