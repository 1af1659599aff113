"""Every decision says its context, what was decided, what follows, and what checks it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
HEADINGS = ["## Context", "## Decision", "## Consequences"]


def test_decisions_are_numbered_without_gaps():
    numbers = [int(path.name[:4]) for path in DECISIONS]

    assert numbers == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_every_part_and_ends_with_its_check(path):
    lines = path.read_text("utf-8").strip().splitlines()

    assert lines[0].startswith(f"# {int(path.name[:4])}. ")
    assert [line for line in lines if line.startswith("## ")] == HEADINGS
    assert lines[-1].startswith("Checked by: ")


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_what_checks_a_decision_exists(path):
    check = path.read_text("utf-8").strip().splitlines()[-1]

    for named in re.findall(r"`([\w./-]+/[\w./-]*)`", check):
        assert (ROOT / named).exists(), named
