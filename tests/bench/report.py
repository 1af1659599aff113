"""What a benchmark has to say: a table on the terminal, a section of docs/performance.md."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tools.local.home import ROOT

DOCUMENT = ROOT / "docs/performance.md"
_HEAD = """\
# Performance

Written by the benchmarks themselves: `make bench ARGS="--record"` replaces the section of each
benchmark that was run. Absolute figures are good to about a third on a machine that does other
things too; ratios inside one run and processor time are what to compare. F is the floor: the
leanest pipeline of the same five durable steps, run in the same minutes (`tests/bench/floor.py`).
"""
_SECTION = "<!-- {name} -->\n{text}<!-- end {name} -->\n"


@dataclass(kw_only=True)
class Finding:
    """The result of one benchmark.

    Attributes:
        name: What it is called on the command line.
        title: What it measures, in words.
        columns: The heads of the table.
        rows: Its rows.
        notes: Sentences below it.
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def show(self, console: Console) -> None:
        """Print it."""
        table = Table(*self.columns, title=f"{self.name}: {self.title}", title_justify="left")
        for row in self.rows:
            table.add_row(*row)
        console.print(table)
        for note in self.notes:
            console.print(f"  {note}", highlight=False)

    def written(self, *, command: str, calibration: float) -> str:
        """Write it as a section."""
        lines = [
            f"## {self.name}: {self.title}",
            "",
            "| " + " | ".join(self.columns) + " |",
            "|" + "---|" * len(self.columns),
            *("| " + " | ".join(row) + " |" for row in self.rows),
            "",
            *(f"* {note}" for note in self.notes),
            "",
            f"`{command}`, commit {commit()}, {machine()}, calibration {calibration:.1f}.",
            "",
        ]
        return "\n".join(lines)


def record(findings: Sequence[Finding], *, command: str, calibration: float) -> None:
    """Replace the sections of these benchmarks in the document, and keep the others."""
    text = DOCUMENT.read_text() if DOCUMENT.exists() else ""
    sections = {
        found[1]: found[2]
        for found in re.finditer(r"<!-- ([\w-]+) -->\n(.*?)<!-- end \1 -->\n", text, re.DOTALL)
    }
    for finding in findings:
        sections[finding.name] = finding.written(command=command, calibration=calibration)
    body = "\n".join(_SECTION.format(name=name, text=part) for name, part in sections.items())
    DOCUMENT.write_text(f"{_HEAD}\n{body}")


def commit() -> str:
    """Name the commit that is measured, and say whether the tree differs from it."""
    told = _git("rev-parse", "--short", "HEAD") or "unknown"
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", "libs", "services", "ops")
    return f"{told} with changes" if changed else told


def machine() -> str:
    """Describe the machine."""
    processors = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    kilobytes = int(Path("/proc/meminfo").read_text().split()[1])
    return (
        f"{len(processors)} cores ({processors[0] if processors else platform.machine()}), "
        f"{kilobytes / 1024 / 1024:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def _git(*arguments: str) -> str:
    program = shutil.which("git")
    if program is None:
        return ""
    done = subprocess.run([program, "-C", str(ROOT), *arguments], capture_output=True, check=False)
    return done.stdout.decode().strip()
