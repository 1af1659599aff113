"""What benchmarks measure with: processor time of whole process trees, memory, and how fast this machine is today."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

REFERENCE_CALIBRATION = 33.5
"""Million loop turns a second on the machine where the floors were measured."""

_TURNS = 3_000_000
_TICK = 1_000_000 / os.sysconf("SC_CLK_TCK")


def calibration() -> float:
    """Return this machine's speed: million turns of a pure Python loop per second of processor time."""
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
    """Processor microseconds used so far by each process, by pid."""

    by_pid: dict[int, float]

    def since(self, earlier: Usage) -> float:
        """Return the microseconds used between two readings, processes that ended in between left out."""
        return sum(used - earlier.by_pid.get(pid, 0.0) for pid, used in self.by_pid.items())


def usage(pids: list[int]) -> Usage:
    """Read the processor time of processes and all their living children."""
    return Usage(by_pid={pid: _microseconds(pid) for root in pids for pid in family(root)})


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found = [pid]
    for member in found:
        tasks = Path(f"/proc/{member}/task")
        if not tasks.exists():
            continue
        for task in tasks.iterdir():
            children = task / "children"
            found.extend(
                int(child) for child in children.read_text().split() if int(child) not in found
            )
    return found


def resident_megabytes(pids: list[int]) -> float:
    """Return the proportional set size (PSS) of processes and their descendants, in MB."""
    return sum(_pss_kilobytes(member) for pid in pids for member in family(pid)) / 1024


def percentile(values: list[float], share: float) -> float:
    """Return the value below which a share (0..1) of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _microseconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * _TICK


def _pss_kilobytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
