"""What a run says of itself, printed even when all is well: counts, not only pass or fail."""

from collections.abc import Mapping, Sequence

from tests.chaos.checker import Verdict

_WIDTH = 44


def table(title: str, verdict: Verdict, facts: Mapping[str, object]) -> str:
    """Write the table of a run."""
    lines = ["", f"== {title} ".ljust(56, "=")]
    lines += [f"{name:<{_WIDTH}}{value!s:>12}" for name, value in facts.items()]
    lines += [f"{name:<{_WIDTH}}{value:>12}" for name, value in verdict.counts.items()]
    lines += [f"{'verdict':<{_WIDTH}}{'green' if verdict.green else 'RED':>12}"]
    lines += list(violations(verdict.violations))
    return "\n".join(lines)


def violations(found: Sequence[str]) -> list[str]:
    """Write one line for each violation."""
    return [f"  ! {one}" for one in found]
