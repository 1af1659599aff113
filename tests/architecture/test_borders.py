"""Time, identifiers and the environment come from one module each; ruff says so in our words."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUFF = Path(sys.executable).parent / "ruff"

FROM_THE_AIR = [
    ("import os\n\nHOST = os.environ['HOST']\n", "the environment is read in one place"),
    ("import os\n\nHOST = os.getenv('HOST')\n", "the environment is read in one place"),
    ("import datetime\n\nNOW = datetime.datetime.now(datetime.UTC)\n", "Ask a Clock"),
    ("from datetime import UTC, datetime\n\nNOW = datetime.now(UTC)\n", "Ask a Clock"),
    ("import time\n\nNOW = time.time()\n", "Ask a Clock"),
    ("import uuid\n\nID = uuid.uuid4()\n", "they are UUIDv7"),
]
OWNERS = [
    ("env", FROM_THE_AIR[0][0]),
    ("clock", FROM_THE_AIR[2][0]),
    ("ids", FROM_THE_AIR[5][0]),
]


def ruff(source, path):
    return subprocess.run(
        [RUFF, "check", "--no-cache", "--select", "TID251", "--stdin-filename", path, "-"],
        input=source,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("source", "sentence"), FROM_THE_AIR)
def test_nothing_is_taken_from_the_air(source, sentence):
    found = ruff(source, "services/tickets/otklik_tickets/domain/planted.py")

    assert found.returncode == 1
    assert sentence in found.stdout


@pytest.mark.parametrize(("owner", "source"), OWNERS)
def test_the_module_that_owns_it_may(owner, source):
    assert ruff(source, f"libs/runtime/otklik_runtime/{owner}.py").returncode == 0


def test_only_three_modules_are_exempt():
    exempt = [
        line.partition("=")[0].strip().strip('"')
        for line in (ROOT / "pyproject.toml").read_text().splitlines()
        if "TID251" in line and "=" in line
    ]

    assert sorted(Path(path).stem for path in exempt) == ["clock", "env", "ids"]
