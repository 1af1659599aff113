"""Each wrong build of the runtime fails the tests of events: they would notice if it came true."""

import os
import re
import subprocess
import sys

import pytest

from tests.chaos.mutants import MUTANTS, RUNTIME, PatchDoesNotFit, build

ROOT = RUNTIME.parents[2]
EVENTS = "libs/runtime/tests/events"
SECONDS = 150

CAUGHT_BY = {
    "no_inbox": "test_batches.py::test_an_event_delivered_twice_changes_nothing_the_second_time",
    "ack_before_commit": "test_batches.py::test_nothing_is_answered_before_it_is_committed",
    "publish_before_commit": (
        "test_recording.py::test_a_failing_commit_leaves_neither_rows_nor_events_nor_versions"
    ),
    "plain_cursor": (
        "test_order.py::test_an_event_that_commits_after_later_ones_were_published_is_published_too"
    ),
}


def outcome(test, directory):
    """Run one test with another runtime first on the path; give pytest's last line."""
    environment = {**os.environ, "PYTHONPATH": str(directory)}  # noqa: TID251 - handed on whole
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"{EVENTS}/{test}"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.timeout(2 * SECONDS)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_build_is_caught(name, tmp_path):
    last = outcome(CAUGHT_BY[name], build(name, tmp_path))

    assert re.match(r"1 failed in", last), last


def test_a_mutant_that_no_longer_fits_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.chaos.mutants.RUNTIME", tmp_path / "otklik_runtime")
    (tmp_path / "otklik_runtime").mkdir()
    (tmp_path / "otklik_runtime/outbox.py").write_text("nothing of the kind\n")

    with pytest.raises(PatchDoesNotFit, match="0 times"):
        build("plain_cursor", tmp_path / "copy")
