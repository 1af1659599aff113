"""Impact and urgency make a priority, by a matrix that the organisation sets."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import product

from otklik_runtime.errors import InvalidInput


class Level(IntEnum):
    """A degree of impact or urgency; the numbers are those of `otklik.tickets.v1.Level`."""

    HIGH = 1
    MEDIUM = 2
    LOW = 3


class Priority(IntEnum):
    """Priority, the most urgent first; the numbers are those of `otklik.tickets.v1.Priority`."""

    P1 = 1
    P2 = 2
    P3 = 3
    P4 = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class PriorityCell:
    """What one impact and one urgency make."""

    impact: Level
    urgency: Level
    priority: Priority


@dataclass(frozen=True, slots=True)
class PriorityMatrix:
    """A priority for every pair of impact and urgency."""

    cells: Mapping[tuple[Level, Level], Priority]

    @classmethod
    def of(cls, cells: Iterable[PriorityCell]) -> "PriorityMatrix":
        """Make a matrix of its cells, and refuse one with a hole or a contradiction."""
        filled: dict[tuple[Level, Level], Priority] = {}
        for cell in cells:
            pair = (cell.impact, cell.urgency)
            if pair in filled:
                raise _wrong("given twice", pair)
            filled[pair] = cell.priority
        for pair in product(Level, Level):
            if pair not in filled:
                raise _wrong("missing", pair)
        return cls(filled)

    def priority(self, *, impact: Level, urgency: Level) -> Priority:
        """What this impact and this urgency make."""
        return self.cells[impact, urgency]


def _wrong(how: str, pair: tuple[Level, Level]) -> InvalidInput:
    impact, urgency = (level.name.lower() for level in pair)
    return InvalidInput(
        "cells",
        f"The pair impact {impact}, urgency {urgency} is {how}; give each of the nine pairs once.",
        field="priority_matrix.cells",
        impact=impact,
        urgency=urgency,
    )
