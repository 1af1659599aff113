"""Keeps the traces that arrived last, bounded by the number of their spans.

When room is needed the trace that has been quiet the longest goes, whole: half a trace misleads.
Everything runs on one event loop, so there is no lock.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tools.traces.model import Span, Trace

DEFAULT_MAX_SPANS = 50_000

SpanKey = tuple[str, str]


@dataclass
class _Kept:
    """A trace being received: its spans by id, and the revision of its last change."""

    spans: dict[str, Span] = field(default_factory=dict)
    revision: int = 0
    trace: Trace | None = None


class TraceStore:
    """A ring buffer of traces with an index of who links to whom."""

    def __init__(self, max_spans: int = DEFAULT_MAX_SPANS) -> None:
        """Make room for so many spans."""
        self.max_spans = max_spans
        self.span_count = 0
        self.received_spans = 0
        self.refused_spans = 0
        self.evicted_traces = 0
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._linkers: dict[SpanKey, set[SpanKey]] = {}
        self._services: dict[str, int] = {}
        self._revision = 0
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        """How many traces are kept."""
        return len(self._kept)

    def add(self, spans: Iterable[Span]) -> int:
        """Keep spans and return how many found no room.

        A span seen before replaces itself: an exporter that got no answer sends again.
        """
        self._revision += 1
        refused = 0
        for span in spans:
            refused += not self._add(span)
        self.refused_spans += refused
        waiters, self._changed = self._changed, asyncio.Event()
        waiters.set()
        return refused

    def trace(self, trace_id: str) -> Trace | None:
        """Return what has arrived of a trace, if anything."""
        kept = self._kept.get(trace_id)
        return None if kept is None else self._built(trace_id, kept)

    def find(self, trace_id: str, span_id: str) -> Span | None:
        """Return one span, if it is kept."""
        kept = self._kept.get(trace_id)
        return None if kept is None else kept.spans.get(span_id)

    def linked_from(self, span: Span) -> tuple[Span, ...]:
        """Return the kept spans that link to this one, earliest first."""
        linkers = self._linkers.get((span.trace_id, span.span_id), set())
        found = [self.find(trace_id, span_id) for trace_id, span_id in linkers]
        return tuple(sorted((held for held in found if held), key=lambda held: held.start_ns))

    def recent(self) -> Iterator[Trace]:
        """Walk the traces, the one that changed last first."""
        for trace_id in list(reversed(self._kept)):
            kept = self._kept.get(trace_id)
            if kept is not None:
                yield self._built(trace_id, kept)

    @property
    def services(self) -> tuple[str, ...]:
        """Every service heard of since the start, in the order first heard."""
        return tuple(self._services)

    def hue(self, service: str) -> int:
        """The number of a service, the same as long as this store lives: its colour."""
        return self._services.get(service, 0)

    def clear(self) -> None:
        """Forget every trace."""
        self._kept.clear()
        self._linkers.clear()
        self.span_count = 0

    async def wait_for(
        self,
        predicate: Callable[[Trace], bool],
        timeout: float,  # noqa: ASYNC109 - the caller's patience, as in asyncio.wait_for
    ) -> Trace:
        """Return the first trace that satisfies the predicate, now or when it arrives.

        Raises:
            TimeoutError: none did in time; the message says what has been received.
        """
        looked_at = -1
        try:
            async with asyncio.timeout(timeout):
                while True:
                    changed = self._changed
                    revision = self._revision
                    for trace in self._changed_since(looked_at):
                        if predicate(trace):
                            return trace
                    looked_at = revision
                    await changed.wait()
        except TimeoutError as error:
            raise TimeoutError(self._account(timeout)) from error

    def _add(self, span: Span) -> bool:
        kept = self._kept.get(span.trace_id)
        known = kept is not None and span.span_id in kept.spans
        if not known and not self._make_room(span.trace_id):
            return False
        if kept is None:
            kept = self._kept[span.trace_id] = _Kept()
        if known:
            self._forget_links(kept.spans[span.span_id])
        else:
            self.span_count += 1
            self.received_spans += 1
        self._services.setdefault(span.service, len(self._services))
        kept.spans[span.span_id] = span
        kept.revision = self._revision
        kept.trace = None
        self._kept.move_to_end(span.trace_id)
        for link in span.links:
            linkers = self._linkers.setdefault((link.trace_id, link.span_id), set())
            linkers.add((span.trace_id, span.span_id))
        return True

    def _make_room(self, trace_id: str) -> bool:
        while self.span_count >= self.max_spans:
            quietest = next((held for held in self._kept if held != trace_id), None)
            if quietest is None:
                # This trace alone fills the buffer: it keeps its beginning.
                return False
            evicted = self._kept.pop(quietest)
            self.span_count -= len(evicted.spans)
            self.evicted_traces += 1
            for span in evicted.spans.values():
                self._forget_links(span)
        return True

    def _forget_links(self, span: Span) -> None:
        for link in span.links:
            target = (link.trace_id, link.span_id)
            linkers = self._linkers.get(target, set())
            linkers.discard((span.trace_id, span.span_id))
            if not linkers:
                self._linkers.pop(target, None)

    def _built(self, trace_id: str, kept: _Kept) -> Trace:
        if kept.trace is None:
            kept.trace = Trace.of(trace_id, list(kept.spans.values()))
        return kept.trace

    def _changed_since(self, revision: int) -> Iterator[Trace]:
        changed = []
        for trace_id, kept in reversed(self._kept.items()):
            if kept.revision <= revision:
                break
            changed.append((trace_id, kept))
        for trace_id, kept in reversed(changed):
            yield self._built(trace_id, kept)

    def _account(self, timeout: float) -> str:
        roots = ", ".join(
            f"{trace.root.service}/{trace.root.name} ({len(trace.spans)})"
            for _, trace in zip(range(10), self.recent(), strict=False)
        )
        return (
            f"no trace satisfied the condition in {timeout} s; "
            f"{len(self)} kept, the latest: {roots or 'none'}"
        )
