"""`make demo ONCE=1` and `make demo INPUT=DIR ONCE=1`, as a person runs them."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from otklik_runtime.testing.postgres import PostgresServer
from tools.local.home import ROOT
from tools.local.ports import free_base

pytestmark = pytest.mark.timeout(420)

LETTERS = {
    "a-known-customer.eml": (ROOT / "demo/mail/internet-in-three-shops.eml").read_bytes(),
    "b-no-sender.eml": b"Subject: nobody\r\nTo: support@otklik.example\r\n\r\nhello\r\n",
    "c-unknown-charset.eml": (
        b"From: Bob <bob@shop.example>\r\nMessage-ID: <c@shop.example>\r\n"
        b"Subject: =?x-unknown?Q?H=E9llo?=\r\nContent-Type: text/plain; charset=x-nope\r\n\r\n"
        b"my invoice is wrong, caf\xe9\r\n"
    ),
    "d-a-machine.eml": (
        b"From: Robot <robot@shop.example>\nMessage-ID: <d@shop.example>\n"
        b"Auto-Submitted: auto-replied\nSubject: Out of office\n\nI am away\n"
    ),
    "e-30-megabytes.eml": (
        b"From: Big <big@shop.example>\r\nMessage-ID: <e@shop.example>\r\nSubject: big\r\n\r\n"
        + (b"x" * 75 + b"\r\n") * 400_000
    ),
}


@pytest.fixture
def run(servers_directory):
    """Run the command with a folder and ports of its own."""
    home = servers_directory / "demo"
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT),
        "OTKLIK_RUN_DIR": str(home),
        "OTKLIK_PORT_BASE": str(free_base()),
    }

    async def command(*arguments):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tools.local", "demo", "--once", *arguments),
            env=environment,
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, complaint = await process.communicate()
        return process.returncode, output.decode(), complaint.decode()

    yield command
    asyncio.run(PostgresServer(directory=home / "postgres").remove())
    shutil.rmtree(home, ignore_errors=True)


async def test_the_demo_plays_its_stories_and_any_letters(run, tmp_path):
    code, told, complaint = await run()

    assert complaint == ""
    assert code == 0
    for fact in ("OT-000001", "TicketResolved", "RatingGiven", "the customer gave 5 of 5"):
        assert fact in told
    assert "span" in told
    assert "2 = 1 ticketed + 1 appended" in told

    for name, letter in LETTERS.items():
        (tmp_path / name).write_bytes(letter)
    journey = tmp_path / "journey.json"

    code, _, complaint = await run("--input", str(tmp_path), "--journey", str(journey))

    assert complaint == ""
    assert code == 0
    _assert_fates(journey)


def _assert_fates(journey: Path):
    entries = {entry["path"]: entry for entry in json.loads(journey.read_text())}
    assert set(entries) == set(LETTERS)
    known = entries["a-known-customer.eml"]
    assert known["item"]["state"] == "TICKETED"
    assert known["ticket"]["priority"] == "PRIORITY_P1"
    assert {one["kind"] for one in known["deadlines"]} >= {"FIRST_RESPONSE", "RESOLUTION"}
    assert len(known["outgoing_message_ids"]) == 1
    assert len({event["trace_id"] for event in known["events"]} | {known["trace_id"]}) == 1
    assert entries["b-no-sender.eml"]["item"]["state"] == "QUARANTINED"
    assert entries["b-no-sender.eml"]["item"]["reason"] == "no_sender"
    assert entries["c-unknown-charset.eml"]["ticket"]["service"] == "services/billing"
    assert entries["d-a-machine.eml"]["item"]["state"] == "TICKETED"
    assert entries["d-a-machine.eml"]["outgoing_message_ids"] == []
    assert entries["e-30-megabytes.eml"]["item"] is None
    assert entries["e-30-megabytes.eml"]["smtp"].startswith("552")
    assert all(entry["unfinished"] == "" for entry in entries.values())
