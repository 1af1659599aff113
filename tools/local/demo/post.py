"""The customer's mail program: sends letters to intake, and answers those in the local mailbox."""

import asyncio
import json
import re
import time
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path

import aiosmtplib

from otklik_runtime.ids import new_id
from tools.local.failures import StackFailed
from tools.local.ports import LOOPBACK
from tools.mailbox import Letter, read_letter

SUPPORT_ADDRESS = "support@otklik.example"
ITEM = re.compile(r"items/[0-9a-f-]{36}")
MESSAGE_ID_LINE = re.compile(rb"^message-id:[^\r\n]*", re.IGNORECASE | re.MULTILINE)
MAIL_SECONDS = 20
# A mail server takes its time over 30 MB; everything else answers at once.
SMTP_SECONDS = 60


class LetterMissing(StackFailed):
    """A letter that should have left for the customer is not in the local mailbox."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What intake's mail server answered."""

    code: int
    text: str

    @property
    def accepted(self) -> bool:
        """Whether the letter is intake's responsibility now."""
        return self.code == aiosmtplib.SMTPStatus.completed

    @property
    def item(self) -> str:
        """The ledger item that it became: `items/...`."""
        found = ITEM.search(self.text)
        return found.group() if found else ""


async def send(original: bytes, *, port: int, sender: str | None = None) -> Receipt:
    """Hand a letter to intake, byte for byte, as the sender's mail server would."""
    client = aiosmtplib.SMTP(
        hostname=LOOPBACK, port=port, timeout=SMTP_SECONDS, start_tls=False, use_tls=False
    )
    try:
        async with client:
            options = ["BODY=8BITMIME"] if client.supports_extension("8bitmime") else []
            envelope = sender_of(original) if sender is None else sender
            _, text = await client.sendmail(
                envelope, [SUPPORT_ADDRESS], original, mail_options=options
            )
    except aiosmtplib.SMTPResponseException as refused:
        return Receipt(code=refused.code, text=refused.message)
    except aiosmtplib.SMTPRecipientsRefused as refused:
        first = refused.recipients[0]
        return Receipt(code=first.code, text=first.message)
    except (aiosmtplib.SMTPException, OSError) as reason:
        raise StackFailed(f"intake's mail server at port {port} broke off: {reason}") from reason
    return Receipt(code=aiosmtplib.SMTPStatus.completed, text=text)


def sender_of(original: bytes) -> str:
    """Find the address for MAIL FROM; the null sender for a letter that names nobody."""
    headers = message_from_bytes(original[:65536])
    address = parseaddr(str(headers.get("From", "")))[1]
    return address if address.isascii() and "@" in address and " " not in address else ""


def as_new(original: bytes) -> bytes:
    """Give a letter a Message-ID of its own: the same letter twice is one letter to intake."""
    line = f"Message-ID: <{new_id()}@bereg-market.example>".encode()
    return MESSAGE_ID_LINE.sub(line, original, count=1)


def reply_to(letter: Letter, text: str, *, sender: str) -> bytes:
    """Answer a letter as a mail program does: to its Reply-To, In-Reply-To, the quote below."""
    reply = EmailMessage(policy=policy.SMTP)
    reply["Message-ID"] = f"<{new_id()}@{sender.partition('@')[2]}>"
    reply["From"] = sender
    reply["To"] = letter.header("Reply-To") or letter.header("From")
    answered = letter.subject.lower().startswith("re:")
    reply["Subject"] = letter.subject if answered else f"Re: {letter.subject}"
    reply["In-Reply-To"] = letter.message_id
    reply["References"] = f"{letter.header('References')} {letter.message_id}".strip()
    quote = "\n".join(f"> {line}" for line in letter.text.strip().splitlines())
    reply.set_content(f"{text}\n\n{quote}\n", charset="utf-8", cte="base64")
    return reply.as_bytes()


@dataclass(frozen=True)
class Letterbox:
    """The local mailbox on disk, as the customer would open it."""

    folder: Path

    async def letter(self, message_id: str, *, seconds: float = MAIL_SECONDS) -> Letter:
        """Find the letter with this Message-ID, now or when it arrives.

        Raises:
            LetterMissing: it did not come.
        """
        deadline = time.monotonic() + seconds
        while True:
            for line in self._ledger():
                entry = json.loads(line)
                if entry["message_id"] == message_id and entry["number"] is not None:
                    return read_letter(
                        (self.folder / "new" / f"{entry['number']:08}.eml").read_bytes()
                    )
            if time.monotonic() > deadline:
                raise LetterMissing(f"no letter {message_id} is in the local mailbox")
            await asyncio.sleep(0.05)

    def _ledger(self) -> list[str]:
        try:
            text = (self.folder / "ledger.jsonl").read_text()
        except FileNotFoundError:
            return []
        # A line without its end is still being written.
        return text.rpartition("\n")[0].splitlines()
