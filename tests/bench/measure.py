"""What benchmarks measure with: processor time of process trees, memory, the speed today."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

REFERENCE_CALIBRATION = 33.5
"""Million loop turns a second on the machine where the floors were measured."""

_TURNS = 3_000_000
_TICK = 1_000_000 / os.sysconf("SC_CLK_TCK")
_KILOBYTE = 1024


def calibration() -> float:
    """Return this machine's speed: million turns of a Python loop per second of processor time."""
    best = 0.0
    for _ in range(3):
        begun = time.process_time()
        total = 0
        for turn in range(_TURNS):
            total += turn & 7
        best = max(best, _TURNS / (time.process_time() - begun) / 1e6)
    return best


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Processor microseconds used so far, by whoever used them."""

    by_name: Mapping[str, float]

    @property
    def total(self) -> float:
        """All of it."""
        return sum(self.by_name.values())

    def since(self, earlier: Usage) -> Usage:
        """Return what was used between two readings."""
        return Usage(
            by_name={
                name: used - earlier.by_name.get(name, 0.0) for name, used in self.by_name.items()
            }
        )

    def per(self, count: int) -> Usage:
        """Return the share of one of so many messages."""
        return Usage(by_name={name: used / count for name, used in self.by_name.items()})


def usage(processes: Mapping[str, int]) -> Usage:
    """Read the processor time of named processes and all their descendants, ended ones too."""
    return Usage(
        by_name={
            name: sum(_microseconds(member) for member in family(pid))
            for name, pid in processes.items()
        }
    )


def family(pid: int) -> list[int]:
    """Return a process and all its living descendants."""
    found = [pid]
    for member in found:
        # A process may end while its family is counted.
        with suppress(OSError):
            for task in Path(f"/proc/{member}/task").iterdir():
                children = (task / "children").read_text().split()
                found.extend(int(child) for child in children if int(child) not in found)
    return found


def resident_megabytes(pids: Iterable[int]) -> float:
    """Return the proportional set size (PSS) of processes and their descendants, in MB."""
    return sum(_pss_kilobytes(member) for pid in pids for member in family(pid)) / _KILOBYTE


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share (0..1) of the values lies; NaN if there is none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _microseconds(pid: int) -> float:
    """Read a process's own time and that of its children that have ended and been waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11:15]) * _TICK


def _pss_kilobytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
