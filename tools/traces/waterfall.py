"""Lays a trace out over time: an axis, its ticks, and a bar for each span, all in percent.

A conversation's trace is hours of silence between moments of work. The axis therefore squeezes
silence: where nothing runs for longer than all the work together took, the wait becomes a narrow
band labelled with its length, so that both the work and the wait can be read.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from tools.traces.model import Branch, Span, Trace

_WHOLE = 100.0
_BAND = 6.0
_MOST_BANDS = 50.0
_NARROWEST_BAR = 0.35
_TICK_DISTANCE = 12.0
_BAND_LABEL_DISTANCE = 10.0
_LABEL_LIMIT = 82.0


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A piece of the axis on which time runs evenly."""

    start_ns: int
    end_ns: int
    left: float
    right: float
    squeezed: bool

    @property
    def middle(self) -> float:
        """Where its label stands."""
        return (self.left + self.right) / 2

    @property
    def length_ns(self) -> int:
        """How long it is."""
        return self.end_ns - self.start_ns


@dataclass(frozen=True, kw_only=True)
class Axis:
    """The horizontal scale of one trace."""

    stretches: tuple[Stretch, ...]

    @cached_property
    def _starts(self) -> list[int]:
        return [stretch.start_ns for stretch in self.stretches]

    @property
    def squeezed(self) -> tuple[Stretch, ...]:
        """The bands of silence."""
        return tuple(stretch for stretch in self.stretches if stretch.squeezed)

    def place(self, instant_ns: int) -> float:
        """Return where an instant stands, in percent from the left."""
        index = max(0, bisect_right(self._starts, instant_ns) - 1)
        stretch = self.stretches[index]
        share = (instant_ns - stretch.start_ns) / max(1, stretch.length_ns)
        return stretch.left + min(1.0, max(0.0, share)) * (stretch.right - stretch.left)


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A labelled moment of the axis."""

    place: float
    offset_ns: int


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One row of the waterfall."""

    branch: Branch
    left: float
    width: float
    marks: tuple[float, ...]
    label_at: float
    label_left_of: bool

    @property
    def span(self) -> Span:
        """The span drawn."""
        return self.branch.span


@dataclass(frozen=True, kw_only=True)
class Waterfall:
    """Everything the page draws of one trace."""

    trace: Trace
    axis: Axis
    ticks: tuple[Tick, ...]
    bars: tuple[Bar, ...]


def waterfall(trace: Trace, *, even: bool = False) -> Waterfall:
    """Lay a trace out, with silence squeezed unless an even axis is asked for."""
    axis = _even_axis(trace) if even else _squeezed_axis(trace)
    return Waterfall(
        trace=trace,
        axis=axis,
        ticks=_ticks(axis, trace.start_ns),
        bars=tuple(_bar(branch, axis) for branch in trace.branches()),
    )


def _even_axis(trace: Trace) -> Axis:
    return Axis(stretches=(_stretch(trace.start_ns, trace.end_ns, (0.0, _WHOLE)),))


def _squeezed_axis(trace: Trace) -> Axis:
    busy = _busy(trace.spans)
    worked = sum(end - start for start, end in busy)
    silences = [
        (end, start) for (_, end), (start, _) in pairwise(busy) if start - end > max(worked, 1)
    ]
    if not silences:
        return _even_axis(trace)
    band = min(_BAND, _MOST_BANDS / len(silences))
    cuts = [trace.start_ns, *(edge for silence in silences for edge in silence), trace.end_ns]
    pieces = list(pairwise(cuts))
    even_ns = sum(end - start for start, end in pieces[::2])
    room = _WHOLE - band * len(silences)
    stretches: list[Stretch] = []
    left = 0.0
    for index, (start, end) in enumerate(pieces):
        squeezed = index % 2 == 1
        width = band if squeezed else room * (end - start) / max(1, even_ns)
        stretches.append(_stretch(start, end, (left, left + width), squeezed=squeezed))
        left += width
    return Axis(stretches=tuple(stretches))


def _stretch(
    start: int, end: int, edges: tuple[float, float], *, squeezed: bool = False
) -> Stretch:
    return Stretch(start_ns=start, end_ns=end, left=edges[0], right=edges[1], squeezed=squeezed)


def _busy(spans: Sequence[Span]) -> list[tuple[int, int]]:
    """Return when at least one span ran, as separate intervals in order."""
    merged: list[tuple[int, int]] = []
    for span in spans:
        if merged and span.start_ns <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], span.end_ns))
        else:
            merged.append((span.start_ns, span.end_ns))
    return merged


def _ticks(axis: Axis, origin_ns: int) -> tuple[Tick, ...]:
    step = _step(axis)
    ticks: list[Tick] = []
    blocked = [stretch.middle for stretch in axis.squeezed]
    for stretch in axis.stretches:
        if stretch.squeezed:
            continue
        first = stretch.start_ns - origin_ns
        offsets = [first, *range((first // step + 1) * step, stretch.end_ns - origin_ns, step)]
        for offset in offsets:
            place = axis.place(origin_ns + offset)
            clear = not ticks or place - ticks[-1].place >= _TICK_DISTANCE
            free = all(abs(place - middle) >= _BAND_LABEL_DISTANCE for middle in blocked)
            if clear and (free or place == 0) and place <= _WHOLE - _TICK_DISTANCE / 2:
                ticks.append(Tick(place=place, offset_ns=offset))
    return tuple(ticks)


def _step(axis: Axis) -> int:
    """Return a round step, so that about six ticks stand on the even part of the axis."""
    even = [stretch for stretch in axis.stretches if not stretch.squeezed]
    length = sum(stretch.length_ns for stretch in even)
    rough = max(1, length // 6)
    power = int(10 ** (len(str(rough)) - 1))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)


def _bar(branch: Branch, axis: Axis) -> Bar:
    span = branch.span
    left = axis.place(span.start_ns)
    width = max(_NARROWEST_BAR, axis.place(span.end_ns) - left)
    left = min(left, _WHOLE - width)
    crowded = left + width > _LABEL_LIMIT
    return Bar(
        branch=branch,
        left=left,
        width=width,
        marks=tuple(axis.place(event.at_ns) for event in span.events),
        label_at=left if crowded else left + width,
        label_left_of=crowded,
    )
