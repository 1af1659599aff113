"""The open time of a calendar as UTC intervals, compiled on demand and searched by bisection.

Time is cut into chunks of 32 days. A chunk is compiled once, from the local days that touch it,
and keeps the running total of its open time: a deadline costs one search, plus one step for each
chunk it crosses, however many seconds the target has.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from otklik_runtime.errors import InvalidInput
from otklik_sla.domain.hours import Day
from otklik_sla.domain.instants import DAY_SECONDS, EPOCH, SECOND, out_of_range

Span = tuple[int, int]

_CHUNK = 32 * DAY_SECONDS * SECOND
_SHUT_DAYS = 400
_SHUT_LIMIT = _SHUT_DAYS * DAY_SECONDS * SECOND
_MICROSECOND = timedelta(microseconds=1)
_EPOCH_ORDINAL = EPOCH.toordinal()
_CHUNK_DAYS = 32
# An interval may open late on a day and close a day later, and zones reach 14 hours from UTC.
_MARGIN_DAYS = 3
_FIRST_ORDINAL = date.min.toordinal() + _MARGIN_DAYS
_LAST_ORDINAL = date.max.toordinal() - _MARGIN_DAYS


@dataclass(frozen=True, slots=True)
class Chunk:
    """Disjoint open intervals in order, and how much open time ends with each."""

    opens: list[int]
    closes: list[int]
    through: list[int]

    @property
    def total(self) -> int:
        """All open time of the chunk."""
        return self.through[-1] if self.through else 0

    def before(self, at: int) -> int:
        """Open time of the chunk before an instant."""
        last = bisect_right(self.opens, at) - 1
        if last < 0:
            return 0
        return self.through[last] - max(self.closes[last] - at, 0)

    def reach(self, target: int) -> int:
        """First instant with that much open time of the chunk before it."""
        last = bisect_left(self.through, target)
        return self.closes[last] - (self.through[last] - target)

    def leave(self, target: int) -> int:
        """Last instant with that much open time of the chunk before it."""
        last = bisect_right(self.through, target)
        return self.closes[last] - (self.through[last] - target)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Arithmetic over the open time that a rule for local days describes."""

    zone: ZoneInfo
    day: Callable[[date], Day]
    _chunks: dict[int, Chunk] = field(default_factory=dict, init=False, compare=False, repr=False)

    def worked(self, start: int, end: int) -> int:
        """Open time between two instants; 0 when the end is not after the start."""
        if end <= start:
            return 0
        first, last = start // _CHUNK, end // _CHUNK
        total, open_until = 0, start
        for index in range(first, last + 1):
            chunk = self._chunk(index)
            open_until = _refuse_shut(open_until, chunk, end)
            total += chunk.total
        _refuse_gap(open_until, end)
        after = self._chunk(last)
        return total - self._chunk(first).before(start) - (after.total - after.before(end))

    def add(self, start: int, target: int) -> int:
        """First instant with that much open time since the start; the target is above zero."""
        wanted = target + self._chunk(start // _CHUNK).before(start)
        for chunk in self._walk(start):
            if wanted <= chunk.total:
                return chunk.reach(wanted)
            wanted -= chunk.total
        raise out_of_range()

    def first_open(self, start: int) -> int:
        """First instant from the start on that lies inside an open interval."""
        for chunk in self._walk(start):
            found = bisect_right(chunk.closes, start)
            if found < len(chunk.opens):
                return max(start, chunk.opens[found])
        raise out_of_range()

    def subtract(self, end: int, target: int) -> int:
        """Last instant with that much open time before the end; the target is above zero."""
        index, open_from = end // _CHUNK, end
        chunk = self._chunk(index)
        spare = chunk.before(end)
        while spare < target:
            target -= spare
            if spare:
                open_from = chunk.opens[0]
            index -= 1
            chunk = self._chunk(index)
            _refuse_gap(chunk.closes[-1] if chunk.closes else index * _CHUNK, open_from)
            spare = chunk.total
        return chunk.leave(spare - target)

    def midnight(self, day: date) -> int:
        """Give the instant a local day begins."""
        return self._utc(datetime(day.year, day.month, day.day), 0)  # noqa: DTZ001 local wall time

    def spans(self, day: date) -> Iterator[Span]:
        """Give the open intervals that belong to a local day, in UTC.

        An end that the zone skips moves forward by the gap; of two, the first is meant.
        """
        wall = datetime(day.year, day.month, day.day)  # noqa: DTZ001 local wall time
        for hours in self.day(day):
            opens, closes = self._utc(wall, hours.opens), self._utc(wall, hours.closes)
            if closes > opens:
                yield opens, closes

    def local_date(self, at: int) -> date:
        """Give the local day of an instant."""
        return (EPOCH + timedelta(microseconds=at)).astimezone(self.zone).date()

    def _utc(self, midnight: datetime, seconds: int) -> int:
        # fold=0 is exactly the rule: before a gap it keeps the old offset, so that the time moves
        # forward by the gap; of an ambiguous time it takes the first.
        wall = midnight + timedelta(seconds=seconds)
        return (wall.replace(tzinfo=self.zone) - EPOCH) // _MICROSECOND

    def _walk(self, start: int) -> Iterator[Chunk]:
        open_until, index = start, start // _CHUNK
        while True:
            chunk = self._chunk(index)
            open_until = _refuse_shut(open_until, chunk, (index + 1) * _CHUNK)
            yield chunk
            index += 1

    def _chunk(self, index: int) -> Chunk:
        chunk = self._chunks.get(index)
        if chunk is None:
            chunk = self._chunks[index] = self._compile(index)
        return chunk

    def _compile(self, index: int) -> Chunk:
        begin, end = index * _CHUNK, (index + 1) * _CHUNK
        first = _EPOCH_ORDINAL + index * _CHUNK_DAYS - _MARGIN_DAYS
        last = first + _CHUNK_DAYS + 2 * _MARGIN_DAYS
        if first < _FIRST_ORDINAL or last > _LAST_ORDINAL:
            raise out_of_range()
        clipped = (
            (max(opens, begin), min(closes, end))
            for ordinal in range(first, last)
            for opens, closes in self.spans(date.fromordinal(ordinal))
            if opens < end and closes > begin
        )
        spans = merge(clipped)
        through, total = [], 0
        for opens, closes in spans:
            total += closes - opens
            through.append(total)
        return Chunk([opens for opens, _ in spans], [closes for _, closes in spans], through)


def merge(spans: Iterable[Span]) -> list[Span]:
    """Join spans that touch or overlap; drop those of no length; put them in order."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif end > start:
            merged.append((start, end))
    return merged


def _refuse_shut(open_until: int, chunk: Chunk, end: int) -> int:
    """Refuse to cross a shut stretch that ends in this chunk; say until when it was open."""
    if not chunk.opens:
        _refuse_gap(open_until, end)
        return open_until
    _refuse_gap(open_until, min(chunk.opens[0], end))
    return max(open_until, chunk.closes[-1])


def _refuse_gap(shut_from: int, shut_until: int) -> None:
    if shut_until - shut_from >= _SHUT_LIMIT:
        raise InvalidInput(
            "calendar_never_open",
            f"the calendar has no open second in {_SHUT_DAYS} consecutive days; give it hours",
            field="weekly",
        )
