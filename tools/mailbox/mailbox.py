"""The mailbox as one object: start it, send to it, ask it what arrived."""

from collections.abc import Callable
from email.parser import BytesHeaderParser
from hashlib import sha256
from pathlib import Path
from typing import Self

from otklik_runtime.clock import SystemClock
from tools.mailbox.faults import FaultBook
from tools.mailbox.ledger import Entry, Ledger, Outcome
from tools.mailbox.letter import decoded_header
from tools.mailbox.shelf import Message, Shelf
from tools.mailbox.smtp_sink import SmtpSink
from tools.mailbox.web import application
from tools.pages.server import PageServer, PortBusy

_LONGEST_HEAD = 64 * 1024


class Mailbox:
    """Takes every letter on a loopback SMTP port and keeps it in a directory.

    In a test:

        async with Mailbox(tmp_path) as mailbox:
            ...  # let something send to 127.0.0.1:mailbox.smtp_port
            message = await mailbox.wait_for(lambda message: message.is_for("ann@example.org"))
            assert "TCK-1" in message.letter.subject
    """

    def __init__(
        self, directory: Path, *, smtp_port: int = 0, http_port: int | None = None
    ) -> None:
        """Prepare a mailbox.

        Args:
            directory: where letters and the ledger lie; those it already holds are there again.
            smtp_port: 0 takes any free one.
            http_port: of the page; 0 takes any free one, None means no page.
        """
        self.faults = FaultBook()
        self._shelf = Shelf()
        self._ledger = Ledger(directory, written=self._put)
        self._clock = SystemClock()
        self._next_number = 1
        self._smtp_port = smtp_port
        self._http_port = http_port
        self._smtp = SmtpSink(self, self.faults)
        self._http = PageServer(application(self._shelf, self.faults, lambda: self.smtp_port))

    @property
    def smtp_port(self) -> int:
        """Where to send to."""
        return self._smtp.port

    @property
    def http_port(self) -> int:
        """The port of the page, 0 without one."""
        return self._http.port

    @property
    def address(self) -> str:
        """The address of the page."""
        return self._http.address

    async def start(self) -> None:
        """Take the directory and listen; returns when letters are taken.

        Raises:
            DirectoryBusy: another mailbox keeps its letters there.
            PortBusy: another process holds one of the ports.
        """
        # Begun anew, so that a mailbox that was stopped can be started again.
        self._shelf.clear()
        for entry in self._ledger.open():
            self._put(entry)
        known = self._shelf.messages()
        self._next_number = 1 + max((message.number for message in known), default=0)
        try:
            # The ports it had before, if it is started again: senders know them.
            await self._smtp.start(self._smtp_port or self._smtp.port)
            if self._http_port is not None:
                await self._http.start(self._http_port or self._http.port)
        except PortBusy:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Cut what is open, finish the ledger, release directory and ports."""
        await self._smtp.stop()
        await self._http.stop()
        await self._ledger.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def messages(self, *, to: str | None = None, since: int = 0) -> tuple[Message, ...]:
        """Return the kept letters in the order they were kept.

        Args:
            to: only those for this recipient.
            since: only those with a greater number.
        """
        return self._shelf.messages(to=to, since=since)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every attempt the ledger knows, in order: kept, refused and cut."""
        return self._shelf.entries

    def count(self, outcome: Outcome) -> int:
        """Say how many attempts ended so."""
        return self._shelf.count(outcome)

    async def wait_for(
        self,
        predicate: Callable[[Message], bool],
        timeout: float = 10,  # noqa: ASYNC109 - the caller's patience, as in asyncio.wait_for
        *,
        since: int = 0,
    ) -> Message:
        """Return the first letter that satisfies the predicate, now or when it arrives.

        Args:
            predicate: the condition.
            timeout: how many seconds to wait at most.
            since: look only at letters with a greater number.

        Raises:
            TimeoutError: none came in time; the message counts what did.
        """
        return await self._shelf.wait_for(predicate, timeout, since=since)

    async def keep(
        self, mail_from: str, recipients: tuple[str, ...], content: bytes, *, answered: bool
    ) -> str:
        """Keep a letter and return the reply its sender gets, or would have got."""
        number, self._next_number = self._next_number, self._next_number + 1
        entry = Entry(
            at=self._now(),
            outcome=Outcome.ACCEPTED if answered else Outcome.UNANSWERED,
            reply=f"250 2.0.0 Kept as {number}",
            mail_from=mail_from,
            recipients=recipients,
            number=number,
            message_id=_message_id(content),
            size=len(content),
            sha256=sha256(content).hexdigest(),
        )
        await self._ledger.write(entry, content)
        return entry.reply

    async def note_failure(
        self, mail_from: str, recipients: tuple[str, ...], content: bytes, *, reply: str
    ) -> None:
        """Account for a letter that was not kept; no reply means that the connection was cut."""
        entry = Entry(
            at=self._now(),
            outcome=Outcome.REFUSED if reply else Outcome.DROPPED,
            reply=reply,
            mail_from=mail_from,
            recipients=recipients,
            message_id=_message_id(content),
            size=len(content),
            sha256=sha256(content).hexdigest() if content else "",
        )
        await self._ledger.write(entry)

    def _put(self, entry: Entry) -> None:
        path = None if entry.number is None else self._ledger.path(entry.number)
        self._shelf.put(entry, path)

    def _now(self) -> str:
        return self._clock.read().isoformat()


def _message_id(content: bytes) -> str:
    head = content[:_LONGEST_HEAD].partition(b"\r\n\r\n")[0]
    try:
        headers = BytesHeaderParser().parsebytes(head)
    except (UnicodeError, ValueError):
        return ""
    found = next((value for name, value in headers.raw_items() if name.lower() == "message-id"), "")
    return decoded_header(found)
