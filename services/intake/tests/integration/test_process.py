"""The process as it runs: from SMTP to the broker and back, killed where it hurts."""

import asyncio
import json
import os
import signal
import smtplib
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.protobuf.timestamp_pb2 import Timestamp
from nats.js.api import ConsumerConfig, StreamConfig

from otklik.intake.v1 import events_pb2 as intake_events
from otklik.tickets.v1 import events_pb2 as tickets_events
from otklik.type.v1 import actor_pb2
from otklik_runtime import envelope, ids
from otklik_runtime.envelope import Recorded
from otklik_runtime.key_ring import KeyRing

MAIL = (
    b"From: ivan@customer.example\r\nTo: support@desk.example\r\nSubject: Help\r\n"
    b"Message-ID: <1@customer.example>\r\n\r\nIt does not work.\r\n"
)


class Process:
    """Intake as a process of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self.port = int(environment["OTKLIK_INTAKE_SMTP_PORT"])

    async def start(self, **changes: str) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "otklik_intake",
            "serve",
            env={**self._environment, **changes},
            stdout=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(40):
            while True:
                with suppress(ConnectionError):
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    await reader.readuntil(b"220")
                    writer.close()
                    return
                await asyncio.sleep(0.05)

    async def ended(self) -> int:
        assert self._process is not None
        async with asyncio.timeout(40):
            return await self._process.wait()

    async def stop(self) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def send(self, mail: bytes = MAIL) -> tuple[int, bytes]:
        """Send a mail as a relay would; 0 if the connection broke."""

        def talk() -> tuple[int, bytes]:
            try:
                with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as client:
                    client.ehlo("customer.example")
                    client.mail("ivan@customer.example")
                    client.rcpt("support@desk.example")
                    return client.data(mail)
            except (smtplib.SMTPServerDisconnected, OSError):
                return 0, b""

        return await asyncio.to_thread(talk)


@pytest.fixture
async def streams(nats_client: Any) -> Any:
    jetstream = nats_client.jetstream()
    for owner in ("intake", "tickets"):
        await jetstream.add_stream(
            StreamConfig(
                name=envelope.stream_of(owner),
                subjects=[f"otklik.{owner}.v1.>"],
                allow_atomic=True,
            )
        )
    await jetstream.add_consumer(
        envelope.stream_of("tickets"),
        ConsumerConfig(durable_name="intake__tickets", ack_policy="explicit"),
    )
    return jetstream


@pytest.fixture
async def process(
    intake: Any, streams: Any, nats_url: str, tmp_path: Path, unused_ports: list[int]
) -> AsyncIterator[Process]:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    (tmp_path / "ring.json").write_text(KeyRing.generate())
    smtp, http, rpc = unused_ports
    running = Process(
        {
            "PATH": os.defpath,
            "OTKLIK_ENVIRONMENT": "development",
            "OTKLIK_DATABASE_URL": intake.url,
            "OTKLIK_DATABASE_DIRECT_URL": intake.url,
            "OTKLIK_NATS_URL": nats_url,
            "OTKLIK_NATS_USER": "intake",
            "OTKLIK_INTAKE_SMTP_PORT": str(smtp),
            "OTKLIK_HTTP_PORT": str(http),
            "OTKLIK_GRPC_PORT": str(rpc),
            "OTKLIK_JWKS_URL": "http://127.0.0.1:9/jwks.json",
            "OTKLIK_IDENTITY_ADDRESS": "127.0.0.1:9",
            "OTKLIK_GRPC_ADDRESSES": "tickets=127.0.0.1:9",
            "OTKLIK_PRIVATE_KEY_FILE": str(tmp_path / "key.pem"),
            "OTKLIK_KEY_RING_FILE": str(tmp_path / "ring.json"),
            "OTKLIK_DRAIN_SECONDS": "5",
        }
    )
    yield running
    await running.stop()


@pytest.fixture
def unused_ports() -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


async def published(streams: Any) -> list[intake_events.MessageReceived]:
    """Give what stands in the stream."""
    found = []
    info = await streams.stream_info("OTKLIK_INTAKE")
    for sequence in range(1, info.state.last_seq + 1):
        raw = await streams.get_msg("OTKLIK_INTAKE", sequence)
        if raw.headers["ce-type"] == "otklik.intake.v1.MessageReceived":
            found.append(intake_events.MessageReceived.FromString(raw.data))
    return found


async def until(check: Any) -> Any:
    """Wait for something that another process does."""
    async with asyncio.timeout(30):
        while not (found := await check()):  # noqa: ASYNC110 - another process offers no event
            await asyncio.sleep(0.05)
    return found


async def test_a_mail_reaches_the_broker_and_tickets_word_settles_it(process, streams, intake):
    await process.start()
    code, _ = await process.send()
    (received,) = await until(lambda: published(streams))
    opened = tickets_events.TicketOpened(
        ticket_id=ids.new_id(),
        number="OT-000001",
        conversation_id=received.conversation_id,
        item_id=received.item_id,
        customer_id=ids.new_id(),
        service="services/general",
        priority=1,
        locale="en",
        receive_time=Timestamp(seconds=1),
        opener=actor_pb2.Actor(kind=actor_pb2.ACTOR_KIND_CUSTOMER),
        message_id=ids.new_id(),
    )
    now = await intake.database.now()
    event = Recorded(
        position=1,
        event_id=ids.new_id(),
        type="otklik.tickets.v1.TicketOpened",
        aggregate_id=opened.conversation_id,
        version=1,
        subject=f"otklik.tickets.v1.ticket_opened.{opened.conversation_id}",
        payload=opened.SerializeToString(),
        occurred_at=now,
        recorded_at=now,
        actor="service/tickets",
        cause_id="",
        traceparent="",
    )
    await streams.publish(
        event.subject, event.payload, headers=envelope.headers_of(event, "tickets")
    )

    async def settled() -> bool:
        return await intake.scalar("select state from items") == "ticketed"

    assert code == 250
    assert await until(settled)
    assert await intake.scalar("select ticket_id::text from items") == opened.ticket_id
    assert await process.stop() == 0


@pytest.mark.parametrize(
    ("failpoint", "stored"),
    [("intake.before_commit", 0), ("intake.after_commit_before_reply", 1)],
)
async def test_a_kill_at_the_door_loses_nothing_and_doubles_nothing(
    process, streams, intake, failpoint, stored
):
    await process.start(OTKLIK_FAILPOINT=failpoint)
    assert await process.send() == (0, b"")
    assert await process.ended() == 137
    assert await intake.scalar("select count(*) from items") == stored

    await process.start()
    code, _ = await process.send()
    await until(lambda: published(streams))
    await process.stop()

    assert code == 250
    assert await intake.scalar("select count(*) from items") == 1
    assert len(await published(streams)) == 1


@pytest.mark.parametrize("failpoint", ["intake.reader_before_commit", "intake.reader_after_commit"])
async def test_a_kill_while_reading_loses_nothing_and_doubles_nothing(
    process, streams, intake, failpoint
):
    await process.start(OTKLIK_FAILPOINT=failpoint)
    await process.send()
    assert await process.ended() == 137

    await process.start()
    await until(lambda: published(streams))
    await process.stop()

    assert len(await published(streams)) == 1
    assert len(await intake.said()) == 1


async def test_the_command_that_parses_a_mail_prints_what_it_understood():
    parsing = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "otklik_intake",
        "parse",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    answer, _ = await parsing.communicate(MAIL)

    document = json.loads(answer)
    assert parsing.returncode == 0
    assert document["message_id"] == "<1@customer.example>"
    assert document["from"] == {"name": "", "address": "ivan@customer.example"}
    assert document["reply_text"] == "It does not work."
    assert document["auto_submitted"] is False
