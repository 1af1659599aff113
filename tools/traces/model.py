"""A span and a trace as the pages, the text tree and tests read them.

A trace is whatever spans of it have arrived: parents may be missing, clocks may disagree, and a
hostile sender may even close a circle. Everything here stays total on such input.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

Scalar = str | bool | int | float | None
Value = Scalar | Sequence["Value"] | Mapping[str, "Value"]
Attributes = Mapping[str, Value]


@dataclass(frozen=True, kw_only=True, slots=True)
class SpanLink:
    """A relation to a span that is not the parent, mostly in another trace."""

    trace_id: str
    span_id: str
    attributes: Attributes
    trace_state: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SpanEvent:
    """Something that happened at one instant inside a span, such as an exception."""

    name: str
    at_ns: int
    attributes: Attributes


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """One finished span; ids are lower-case hexadecimal, times nanoseconds since 1970."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: str
    service: str
    scope: str
    start_ns: int
    end_ns: int
    status: str
    status_message: str
    trace_state: str
    attributes: Attributes
    resource: Attributes
    events: tuple[SpanEvent, ...]
    links: tuple[SpanLink, ...]

    @property
    def duration_ns(self) -> int:
        """How long the span lasted."""
        return self.end_ns - self.start_ns

    @property
    def failed(self) -> bool:
        """Whether its status says error."""
        return self.status == "error"


@dataclass(frozen=True, kw_only=True, slots=True)
class Branch:
    """A span at its place in the tree."""

    span: Span
    depth: int
    # For each level from the first child level down to this span: is it the last of its siblings?
    last: tuple[bool, ...]
    parent_missing: bool


@dataclass(frozen=True)
class Trace:
    """The spans of one trace that have arrived, at least one."""

    trace_id: str
    spans: tuple[Span, ...]

    @staticmethod
    def of(trace_id: str, spans: Sequence[Span]) -> "Trace":
        """Make a trace, its spans in the order they began."""
        return Trace(trace_id, tuple(sorted(spans, key=_begin)))

    @cached_property
    def by_id(self) -> Mapping[str, Span]:
        """The spans by their id."""
        return {span.span_id: span for span in self.spans}

    @cached_property
    def services(self) -> tuple[str, ...]:
        """The services that took part, in the order they first did."""
        return tuple(dict.fromkeys(span.service for span in self.spans))

    @cached_property
    def start_ns(self) -> int:
        """When the first span began."""
        return min(span.start_ns for span in self.spans)

    @cached_property
    def end_ns(self) -> int:
        """When the last span ended."""
        return max(span.end_ns for span in self.spans)

    @property
    def duration_ns(self) -> int:
        """From the first beginning to the last end."""
        return self.end_ns - self.start_ns

    @cached_property
    def failures(self) -> int:
        """How many spans ended in an error."""
        return sum(span.failed for span in self.spans)

    @cached_property
    def root(self) -> Span:
        """The span without a parent, or the earliest one while that has not arrived."""
        return next((span for span in self.spans if span.parent_id is None), self.spans[0])

    @cached_property
    def links(self) -> int:
        """How many links its spans hold."""
        return sum(len(span.links) for span in self.spans)

    def holds(self, value: str, key: str | None = None) -> bool:
        """Tell whether a span, its resource or a link carries this attribute value."""
        return any(
            _matches(attributes, value, key)
            for span in self.spans
            for attributes in (span.attributes, span.resource)
        )

    def branches(self) -> Iterator[Branch]:
        """Walk the tree, parents before children, siblings in the order they began."""
        children: dict[str, list[Span]] = {}
        tops: list[Span] = []
        for span in self.spans:
            parent = span.parent_id
            if parent is not None and parent in self.by_id and parent != span.span_id:
                children.setdefault(parent, []).append(span)
            else:
                tops.append(span)
        seen: set[str] = set()
        for top in tops:
            yield from _walk(top, children, seen)
        # Only spans whose parents close a circle are left: the earliest of each is its top.
        for span in self.spans:
            if span.span_id not in seen:
                yield from _walk(span, children, seen)


def _walk(top: Span, children: Mapping[str, list[Span]], seen: set[str]) -> Iterator[Branch]:
    # A stack of our own: a trace may be deeper than Python's.
    waiting: list[tuple[Span, tuple[bool, ...]]] = [(top, ())]
    while waiting:
        span, last = waiting.pop()
        if span.span_id in seen:
            continue
        seen.add(span.span_id)
        missing = not last and span.parent_id is not None
        yield Branch(span=span, depth=len(last), last=last, parent_missing=missing)
        below = children.get(span.span_id, [])
        for place, child in reversed(list(enumerate(below))):
            waiting.append((child, (*last, place == len(below) - 1)))


def _begin(span: Span) -> tuple[int, int, str]:
    # Of two spans that begin together the longer is the likelier parent.
    return span.start_ns, -span.end_ns, span.span_id


def _matches(attributes: Attributes, value: str, key: str | None) -> bool:
    if key is not None:
        return key in attributes and written(attributes[key]) == value
    return any(written(held) == value for held in attributes.values())


def written(value: Value) -> str:
    """Write an attribute value as a person would type it into the filter."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}={written(held)}" for key, held in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(written(held) for held in value) + "]"
    return str(value)
