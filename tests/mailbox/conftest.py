"""A running mailbox with its page, and a way to send to it as any mail program would."""

from collections.abc import AsyncIterator, Awaitable, Callable
from email.message import EmailMessage

import aiosmtplib
import httpx
import pytest

from tools.mailbox import Mailbox


@pytest.fixture
async def mailbox(tmp_path) -> AsyncIterator[Mailbox]:
    async with Mailbox(tmp_path / "letters", http_port=0) as running:
        yield running


@pytest.fixture
async def browser(mailbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=mailbox.address) as client:
        yield client


@pytest.fixture
def send(mailbox) -> Callable[..., Awaitable]:
    async def send(letter, to="ann@client.example", **options):
        return await aiosmtplib.send(
            letter,
            sender="desk@support.example",
            recipients=[to] if isinstance(to, str) else to,
            hostname="127.0.0.1",
            port=mailbox.smtp_port,
            **options,
        )

    return send


@pytest.fixture
def a_letter() -> Callable[..., EmailMessage]:
    def letter(subject="Hello", text="A text.", html=None, number=1):
        message = EmailMessage()
        message["From"] = "Поддержка <desk@support.example>"
        message["To"] = "Анна <ann@client.example>"
        message["Subject"] = subject
        message["Message-ID"] = f"<{number}@support.example>"
        message.set_content(text)
        if html is not None:
            message.add_alternative(html, subtype="html")
        return message

    return letter
