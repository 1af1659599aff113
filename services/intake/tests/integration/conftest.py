import asyncio
import smtplib
from collections.abc import AsyncIterator, Callable, Sequence
from email.message import EmailMessage
from pathlib import Path

import pytest
import uvloop

from otklik_intake.domain.service import Service
from otklik_intake.entrypoints.smtp import SmtpServer
from otklik_intake.entrypoints.submission_door import SubmissionDoor
from otklik_intake.settings import Settings

MEGABYTE = 1024 * 1024
GENERAL = Service(name="services/general", display_name={"ru": "Общее", "en": "General"})
TERMINALS = Service(name="services/terminals", display_name={"ru": "Терминалы", "en": "Terminals"})


class CatalogueOf:
    """The catalogue as tickets would list it; `down` when tickets does not answer."""

    def __init__(self) -> None:
        self.listed = (GENERAL, TERMINALS)
        self.down = False

    async def services(self) -> Sequence[Service]:
        return () if self.down else self.listed

    async def refuses(self, name: str) -> bool:
        return not self.down and all(service.name != name for service in self.listed)


@pytest.fixture
def catalogue() -> CatalogueOf:
    return CatalogueOf()


@pytest.fixture
def door(intake, catalogue) -> SubmissionDoor:
    return SubmissionDoor(intake.reception, intake.accounts, catalogue)


@pytest.fixture
def service_settings(intake, tmp_path: Path) -> Settings:
    ring = tmp_path / "ring.json"
    ring.write_text(intake.ring.generate())
    return Settings(
        environment="development",
        host="127.0.0.1",
        database_url=intake.url,
        database_direct_url=intake.url,
        key_ring_file=ring,
        max_message_bytes=2 * 1024 * 1024,
        requests_per_minute=20,
        drain_seconds=5,
    )


@pytest.fixture
async def smtp(intake) -> AsyncIterator[SmtpServer]:
    server = SmtpServer(
        intake.reception,
        intake.accounts,
        host="127.0.0.1",
        port=0,
        hostname="mx.desk.example",
        max_bytes=25 * MEGABYTE,
    )
    running = asyncio.create_task(server.run())
    yield server
    await server.drain()
    await running


async def _talk(server: SmtpServer, conversation: Callable[[smtplib.SMTP], object]) -> object:
    """Have a conversation with the server from another thread, as a real client would."""

    def whole() -> object:
        with smtplib.SMTP("127.0.0.1", server.port, timeout=30) as client:
            return conversation(client)

    return await asyncio.to_thread(whole)


@pytest.fixture
def talk():
    return _talk


def _a_mail(**headers: str) -> EmailMessage:
    mail = EmailMessage()
    fields = {
        "From": "Ivan <ivan@customer.example>",
        "To": "support@desk.example",
        "Subject": "No internet",
        "Message-ID": "<1@customer.example>",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    for name, value in fields.items():
        if value:
            mail[name] = value
    mail.set_content("It does not work.")
    return mail


@pytest.fixture
def a_mail():
    return _a_mail


def _sent(
    mail: EmailMessage | bytes,
    *,
    to: str = "support@desk.example",
    sender: str = "ivan@customer.example",
):
    raw = mail if isinstance(mail, bytes) else mail.as_bytes()

    def conversation(client: smtplib.SMTP) -> tuple[int, bytes]:
        client.ehlo("customer.example")
        code, answer = client.mail(sender)
        if code == 250:
            code, answer = client.rcpt(to)
        if code == 250:
            code, answer = client.data(raw)
        return code, answer

    return conversation


@pytest.fixture
def sent():
    return _sent


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run these tests on the event loop that the processes run on."""
    return {"uvloop": uvloop.new_event_loop}
