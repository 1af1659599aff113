"""Report what grew too long to read in one go; review decides what to do about it.

    python -m tools.sizes        modules, functions and tests beyond the guidance, longest first

Guidance, not limits: a module is 50 to 250 lines and gets a second look at 300; above 500 the
change says why. A function has at most 40 statements; a file under 15 lines must earn its place.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("libs/runtime", "services", "ops", "tools", "tests")
SECOND_LOOK, SAY_WHY, TEST_FILE, TINY = 300, 500, 400, 15
STATEMENTS = 40
EARNED = ("__init__.py", "__main__.py")


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """One place beyond the guidance."""

    size: int
    unit: str
    place: str
    guidance: str


def main() -> None:
    """Print every finding, longest first, and the totals."""
    modules = list(hand_written(ROOT))
    findings = sorted((f for path in modules for f in look_at(path, ROOT)), reverse=True)
    for finding in findings:
        print(f"{finding.size:6} {finding.unit:10} {finding.place}  ({finding.guidance})")
    total = sum(_lines(path) for path in modules)
    print(f"{total:6} lines      in {len(modules)} modules, {len(findings)} to look at")


def hand_written(root: Path) -> Iterator[Path]:
    """Name every Python file that a person wrote."""
    for folder in FOLDERS:
        yield from sorted((root / folder).rglob("*.py"))


def look_at(path: Path, root: Path) -> Iterator[Finding]:
    """Compare one module and its functions with the guidance."""
    place, lines = str(path.relative_to(root)), _lines(path)
    guidance = _guidance(path, lines)
    if guidance:
        yield Finding(size=lines, unit="lines", place=place, guidance=guidance)
    if "tests" in path.parts:
        return
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            statements = sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1
            if statements > STATEMENTS:
                yield Finding(
                    size=statements,
                    unit="statements",
                    place=f"{place}::{function.name}",
                    guidance=f"at most {STATEMENTS}",
                )


def _guidance(path: Path, lines: int) -> str:
    """Say what the guidance is for a module of this many lines, or nothing if it is kept."""
    if "tests" in path.parts:
        return f"tests: {TEST_FILE}" if lines > TEST_FILE else ""
    if lines > SAY_WHY:
        return f"say why above {SAY_WHY}"
    if lines > SECOND_LOOK:
        return f"look again at {SECOND_LOOK}"
    return "does it earn its place?" if lines < TINY and path.name not in EARNED else ""


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


if __name__ == "__main__":
    main()
