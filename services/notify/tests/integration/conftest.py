"""A migrated database of notify's own, a real mail server that can be told what to answer."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from otklik_notify.adapters.smtp import Server, SmtpCarrier
from otklik_notify.adapters.unit_of_work import NotifyUnit
from otklik_notify.domain.delivery import Delivery
from otklik_notify.domain.mail import Mail
from otklik_notify.domain.notices import Automatic
from otklik_runtime import migrations
from otklik_runtime.clock import FrozenClock
from otklik_runtime.database import Database
from otklik_runtime.ids import new_id


@pytest.fixture
def clock(now: datetime) -> FrozenClock:
    return FrozenClock(now)


@pytest.fixture
async def database(database_url: str, clock: FrozenClock) -> AsyncIterator[Database]:
    await migrations.upgrade(database_url, "otklik_notify")
    async with AsyncExitStack() as stack:
        yield await Database.open(database_url, stack, service="notify", clock=clock)


@dataclass(kw_only=True)
class Sink:
    """A mail server on loopback: keeps what it accepts, answers as told.

    `answers` are used up one by one, for MAIL, RCPT or DATA by their first word; `hang_up` ends the
    connection after the text has arrived and before the answer.
    """

    port: int = 0
    mails: list[Envelope] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=dict)
    hang_up: int = 0
    slow: float = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    servers: list[SMTP] = field(default_factory=list)

    def close_connections(self) -> None:
        for server in self.servers:
            server.transport.abort()

    def _answer(self, command: str) -> str:
        waiting = self.answers.get(command)
        return waiting.pop(0) if waiting else "250 OK"

    async def handle_MAIL(  # noqa: N802 - named by aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if server not in self.servers:
            self.servers.append(server)
        answer = self._answer("MAIL")
        if answer.startswith("250"):
            envelope.mail_from = address
        return answer

    async def handle_RCPT(  # noqa: N802 - named by aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self._answer("RCPT")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802 - named by aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        answer = self._answer("DATA")
        await asyncio.sleep(self.slow)
        if self.hang_up:
            self.hang_up -= 1
            self.mails.append(envelope)
            server.transport.abort()
            return answer
        if answer.startswith("250"):
            self.mails.append(envelope)
        self.arrived.set()
        return answer


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    sink = Sink()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(sink, hostname="sink.example.com", loop=loop), "127.0.0.1", 0
    )
    sink.port = server.sockets[0].getsockname()[1]
    yield sink
    server.close()


@pytest.fixture
async def carrier(sink: Sink) -> AsyncIterator[SmtpCarrier]:
    async with AsyncExitStack() as stack:
        server = Server(host="127.0.0.1", port=sink.port, encryption="none", timeout=5)
        yield SmtpCarrier.open(server, stack)


def a_queued_mail(**changes: object) -> tuple[Delivery, Mail]:
    delivery_id = new_id()
    created_at = changes.pop("created_at", datetime(2026, 11, 24, 8, 0, tzinfo=UTC))
    message_id = f"<otklik.token.{delivery_id}@example.com>"
    delivery = Delivery(
        id=delivery_id,
        conversation_id=new_id(),
        template="answer",
        locale="ru",
        channel="email",
        message_id=new_id(),
        internet_message_id=message_id,
        created_at=created_at,
        due_at=created_at,
    )
    facts = {
        "recipient": "ivan@example.org",
        "envelope_sender": "support@example.com",
        "from_name": "Служба поддержки",
        "from_address": "support@example.com",
        "reply_to": "support+token@example.com",
        "subject": "Re: [OT-000123] Касса",
        "text": "Перезагрузите кассу.",
        "html": "<p>Перезагрузите кассу.</p>",
        "internet_message_id": message_id,
        "automatic": Automatic.NO,
    }
    return delivery, Mail(**{**facts, **changes})


@pytest.fixture
def a_mail() -> Callable[..., tuple[Delivery, Mail]]:
    return a_queued_mail


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


Queue = Callable[..., Awaitable[Delivery]]


@pytest.fixture
def queue(database: Database) -> Queue:
    async def put(**changes: object) -> Delivery:
        delivery, mail = a_queued_mail(**changes)
        async with database.transaction() as transaction:
            await NotifyUnit(transaction).deliveries.add([(delivery, mail)])
        return delivery

    return put
