"""`make bench`: run all benchmarks, or those named; print each figure beside its comparator."""

from __future__ import annotations

import argparse
import asyncio
import logging
import shlex
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from tests.bench import benchmarks, measure, report
from tests.bench.benchmarks import BENCHMARKS, FLOOR, Bench
from tests.bench.floor import FloorFailed
from tests.bench.settling import WentWrong
from tools.local.failures import StackFailed


def main() -> int:
    """Run; the exit code is 0 only if every benchmark ran to its end and the floor is lean."""
    asked = _parser().parse_args()
    console = Console(highlight=False)
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        return asyncio.run(_run(asked, console))
    except (FloorFailed, WentWrong, StackFailed) as reason:
        print(f"bench: {reason}", file=sys.stderr)  # noqa: T201 - a command says why it failed
        return 1
    except KeyboardInterrupt:
        return 130


async def _run(asked: argparse.Namespace, console: Console) -> int:
    calibration = measure.calibration()
    console.print(f"{report.machine()}; commit {report.commit()}")
    console.print(
        f"calibration {calibration:.1f} million turns a second "
        f"({measure.REFERENCE_CALIBRATION} on the machine of the targets)"
    )
    wanted = [name for name in (FLOOR, *BENCHMARKS) if not asked.names or name in asked.names]
    findings = []
    with tempfile.TemporaryDirectory(prefix="otklik-bench-") as folder:
        bench = Bench(
            folder=Path(folder),
            messages=asked.messages,
            seconds=asked.seconds,
            calibration=calibration,
            console=console,
            excused=asked.excuse_floor,
        )
        for name in wanted:
            finding = await benchmarks.run(name, bench)
            finding.show(console)
            findings.append(finding)
            if asked.record:
                command = shlex.join(["python", "-m", "tests.bench", *sys.argv[1:]])
                report.record([finding], command=command, calibration=calibration)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which: {', '.join((FLOOR, *BENCHMARKS))}"
    )
    parser.add_argument("--messages", type=int, default=2000, help="mails a run (2000)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each steady rate (30)")
    parser.add_argument(
        "--record", action="store_true", help="write the results to docs/performance.md"
    )
    parser.add_argument(
        "--excuse-floor",
        action="store_true",
        help="go on although the floor is not lean, as on a machine that does other things too",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
