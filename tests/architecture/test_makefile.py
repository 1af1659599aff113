"""The Makefile stays a list of commands that a person can read in a minute."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
RECIPES = re.findall(r"^([a-z-]+):(?! *=)[^\n]*((?:\n\t[^\n]*)*)", MAKEFILE, re.MULTILINE)


def test_there_are_few_enough_targets_to_remember():
    shown = re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE)

    assert 0 < len(shown) <= 25


@pytest.mark.parametrize(("target", "recipe"), RECIPES, ids=[target for target, _ in RECIPES])
def test_a_recipe_has_at_most_three_lines(target, recipe):
    assert len(recipe.strip().splitlines()) <= 3


def test_no_target_hides_behind_a_file_of_its_name():
    phony = re.search(r"\.PHONY:((?:.*\\\n)*.*)", MAKEFILE)

    assert {target for target, _ in RECIPES} == set(phony[1].replace("\\", "").split())


def test_help_names_every_group_and_target():
    printed = subprocess.run(
        ["make", "help"],  # noqa: S607 - the command a person types
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert "Start\n" in printed
    assert re.search(r"^  demo +play the whole story", printed, re.MULTILINE)
