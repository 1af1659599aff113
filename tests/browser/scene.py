"""One running Otklik and the people around it: agents at the desk, customers with a mailbox."""

import re
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import httpx

from otklik_runtime.ids import new_id
from tools.local.demo import post
from tools.local.stack import Stack
from tools.mailbox import Letter

LINK = re.compile(r"/c/[a-z0-9]{20,}")
NUMBER = re.compile(r"OT-\d{6}")
WAIT_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Story:
    """A request of a customer, as the acknowledgement tells of it."""

    number: str
    address: str
    link: str
    acknowledgement: Letter


class Scene:
    """Where the browser tests play."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.desk = stack.ports.url("desk")
        self._letters = post.Letterbox(stack.place.mailbox)
        self._http = httpx.AsyncClient(trust_env=False, timeout=WAIT_SECONDS + 5)

    async def close(self) -> None:
        await self._http.aclose()

    async def request(
        self, subject: str, text: str, *, locale: str = "ru", name: str = "Анна Соколова"
    ) -> Story:
        """A customer fills in the form; gives what the acknowledgement says."""
        address = f"customer-{new_id()}@bereg-market.example"
        answer = await self._http.post(
            f"{self.stack.ports.url('intake')}/v1/requests",
            headers={"idempotency-key": new_id()},
            json={
                "name": name,
                "email": address,
                "subject": subject,
                "text": text,
                "locale": locale,
                "service": "services/internet-access",
            },
        )
        assert answer.status_code == 202, answer.text
        return await self._told(address)

    async def letter_with_a_file(self, subject: str, file: Path) -> Story:
        """A customer writes a mail with a file."""
        address = f"customer-{new_id()}@bereg-market.example"
        mail = EmailMessage()
        mail["Message-ID"] = f"<{new_id()}@bereg-market.example>"
        mail["From"] = f"Анна Соколова <{address}>"
        mail["To"] = post.SUPPORT_ADDRESS
        mail["Subject"] = subject
        mail.set_content("Здравствуйте! Лог с роутера прикладываю.\n")
        mail.add_attachment(file.read_bytes(), maintype="text", subtype="plain", filename=file.name)
        receipt = await post.send(mail.as_bytes(), port=self.stack.ports.intake_smtp)
        assert receipt.accepted, receipt.text
        return await self._told(address)

    async def reply(self, story: Story, text: str) -> None:
        """The customer answers the acknowledgement."""
        mail = post.reply_to(story.acknowledgement, text, sender=story.address)
        receipt = await post.send(mail, port=self.stack.ports.intake_smtp)
        assert receipt.accepted, receipt.text

    async def _told(self, address: str) -> Story:
        """Wait for the acknowledgement, and read it as the customer would."""
        answer = await self._http.get(
            f"{self.stack.ports.mailbox_url}/api/messages",
            params={"to": address, "wait_seconds": WAIT_SECONDS},
        )
        [summary] = answer.json()["messages"]
        letter = await self._letters.letter(summary["message_id"])
        number, link = NUMBER.search(letter.subject), LINK.search(letter.text)
        assert number, letter.subject
        assert link, letter.text
        return Story(
            number=number.group(), address=address, link=link.group(), acknowledgement=letter
        )
