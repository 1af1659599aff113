"""`otklik dead` against a real service that met something it cannot read."""

import asyncio
import json
import os
import sys

import nats
import pytest

from tools.local import callers, seed
from tools.local.home import ROOT
from tools.local.ports import Ports, free_base
from tools.local.stack import Stack

pytestmark = pytest.mark.timeout(180)

CONVERSATION = "0198c0de-0000-7000-8000-000000000001"
EVENT = "0198c0de-0000-7000-8000-000000000002"
HEADERS = {
    "Nats-Msg-Id": EVENT,
    "ce-specversion": "1.0",
    "ce-id": EVENT,
    "ce-source": "/otklik/intake",
    "ce-type": "otklik.intake.v1.MessageReceived",
    "ce-subject": CONVERSATION,
    "ce-time": "2026-11-16T09:00:00+00:00",
    "ce-recordedtime": "2026-11-16T09:00:00+00:00",
    "ce-sequence": "1",
    "ce-actor": "service/intake",
}


@pytest.fixture
async def stack(tmp_path):
    async with Stack(
        home=tmp_path / "run",
        ports=Ports(free_base()),
        services=("tickets",),
        tools=("issuer",),
        durable=False,
        telemetry_endpoint="",
    ) as stack:
        await stack.up()
        await seed.load(stack)
        yield stack
        await stack.remove()


@pytest.fixture
async def otklik(stack):
    """Run the operators' command as the seeded operator, and give exit code, output, complaint."""
    id_token = await callers.sign_in(stack.ports.issuer_url, "dev-operator")
    environment = {
        "PATH": os.defpath,
        "OTKLIK_ENVIRONMENT": "development",
        "OTKLIK_IDENTITY_ADDRESS": stack.ports.grpc_address("tickets"),
        "OTKLIK_GRPC_ADDRESSES": f"tickets={stack.ports.grpc_address('tickets')}",
        "OTKLIK_OPS_ID_TOKEN": id_token,
    }

    async def run(*arguments, **changed):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "otklik_ops", *arguments),
            env=environment | changed,
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, complaint = await process.communicate()
        return process.returncode, output.decode(), complaint.decode()

    return run


async def _say_nonsense(stack):
    client = await nats.connect(
        stack.ports.nats_url,
        user="intake",
        password=stack.secrets.nats_password("intake"),
        inbox_prefix="_INBOX_intake",
    )
    subject = f"otklik.intake.v1.message_received.{CONVERSATION}"
    await client.jetstream().publish(subject, b"\xff\xff no protobuf", headers=HEADERS)
    await client.close()


async def test_a_letter_is_listed_shown_and_discarded(stack, otklik, tmp_path):
    await _say_nonsense(stack)

    async with asyncio.timeout(60):
        listed = ""
        while "MessageReceived" not in listed:
            _, listed, _ = await otklik("dead", "list", "--service", "tickets")
    name = next(word for word in listed.split() if word.startswith("deadLetters/"))
    _, shown, _ = await otklik("dead", "show", name, "--service", "tickets")
    raw = tmp_path / "letter.bin"
    await otklik("dead", "show", name, "--service", "tickets", "--raw", str(raw))
    code, _, complaint = await otklik("dead", "replay", name, "--service", "tickets")
    assert code == 1
    assert "undecodable" in complaint

    discarded = await otklik(
        "dead", "discard", name, "--service", "tickets", "--reason", "made by a test"
    )
    again = await otklik("dead", "discard", name, "--service", "tickets", "--reason", "once more")
    left = await otklik("dead", "list", "--service", "tickets")

    assert json.loads(shown)["reason"] == "undecodable"
    assert "cannot be read" in json.loads(shown)["content"]
    assert raw.read_bytes() == b"\xff\xff no protobuf"
    assert discarded[0] == 0
    assert again[0] == 1
    assert "dead_letter_settled" in again[2]
    assert left[1] == "no dead letters\n"


async def test_who_is_not_an_operator_is_refused(stack, otklik):
    as_agent = await callers.sign_in(stack.ports.issuer_url, "dev-maria")

    refused = await otklik("dead", "list", "--service", "tickets", OTKLIK_OPS_ID_TOKEN=as_agent)
    nobody = await otklik("dead", "list", "--service", "tickets", OTKLIK_OPS_ID_TOKEN="")

    assert refused[0] == 1
    assert "no dead letters" not in refused[1]
    assert nobody[0] == 2
    assert "OTKLIK_OPS_ID_TOKEN" in nobody[2]
