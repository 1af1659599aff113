"""One SMTP session: a protocol class of its own, because a general server costs ten times as much.

The dialogue runs without a task while nothing has to be waited for. What comes after DATA is taken
by `smtp_data`.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Protocol, cast

from otklik_intake.entrypoints import smtp_dialogue as say
from otklik_intake.entrypoints.smtp_data import IncomingMail, Memory
from otklik_intake.entrypoints.smtp_dialogue import Sender

IDLE_SECONDS = 300.0
MAX_LINE = 4096
MAX_PIPELINED = 128 * 1024
MAX_RECIPIENTS = 100
MAX_BAD_COMMANDS = 10
_LOG = logging.getLogger(__name__)


class Desk(Memory, Protocol):
    """What a session needs of the server."""

    hostname: str
    tls: ssl.SSLContext | None

    def join(self, session: "SmtpSession") -> str | None:
        """Count a session in; a text is why it cannot be served now."""
        ...

    def leave(self, session: "SmtpSession") -> None:
        """Count a session out."""
        ...

    async def refusal_of(self, recipient: str) -> str | None:
        """Say why mail for an address is refused; None if it is taken."""
        ...

    async def store(self, mail: "Mail") -> str:
        """Store a mail and give the answer."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Mail:
    """One mail as it came: its envelope and its bytes; `began_ns` is when DATA was said."""

    sender: str
    recipients: tuple[str, ...]
    original: bytes
    began_ns: int


class SmtpSession(asyncio.Protocol):
    """The server's side of one connection."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._mail: IncomingMail | None = None
        self._work: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._greeted = False
        self._encrypted = False
        self._sender: Sender | None = None
        self._recipients: list[str] = []
        self._bad_commands = 0
        self._closing = False
        self._commands: dict[str, Callable[[str], None]] = {
            "HELO": self._helo,
            "EHLO": self._ehlo,
            "MAIL": self._mail_from,
            "RCPT": self._rcpt_to,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": lambda _: self._say(say.OK),
            "VRFY": lambda _: self._say(say.NO_VERIFY),
            "HELP": lambda _: self._say(say.COMMANDS),
            "STARTTLS": self._starttls,
            "QUIT": lambda _: self._close(say.BYE),
        }

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        # Not checked: uvloop's transports have every method and derive from nothing.
        self._transport = cast("asyncio.Transport", transport)
        refusal = self._desk.join(self)
        if refusal is not None:
            self._close(refusal)
            return
        self._say(say.greeting(self._desk.hostname))
        self._touch()

    def data_received(self, data: bytes) -> None:
        """Take what came and go on as far as possible."""
        self._touch()
        if self._mail is None:
            self._buffer += data
        else:
            self._take(data)
        if self._work is None:
            self._go_on()
        elif len(self._buffer) > MAX_PIPELINED and self._transport is not None:
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the session; a mail that is being stored is stored, its sender will ask again."""
        del exc
        self._closing = True
        self._transport = None
        if self._idle is not None:
            self._idle.cancel()
        self._drop_mail()
        self._desk.leave(self)

    def stop(self) -> None:
        """End the session, after the answer to a mail that is being stored."""
        self._closing = True
        if self._work is None and self._mail is None:
            self._close(say.GOING_DOWN)

    # The dialogue.

    def _go_on(self) -> None:
        while self._work is None and self._mail is None and not self._closing:
            end = self._buffer.find(b"\n")
            if end < 0:
                if len(self._buffer) > MAX_LINE:
                    self._close(say.LINE_TOO_LONG)
                return
            line = bytes(self._buffer[:end]).rstrip(b"\r")
            del self._buffer[: end + 1]
            self._command(line)

    def _command(self, line: bytes) -> None:
        if len(line) > MAX_LINE:
            self._say(say.LINE_TOO_LONG)
            return
        name, _, argument = line.decode("utf-8", "replace").partition(" ")
        answer = self._commands.get(name.strip().upper())
        if answer is not None:
            answer(argument.strip())
            return
        self._bad_commands += 1
        if self._bad_commands > MAX_BAD_COMMANDS:
            self._close(say.TOO_MANY_ERRORS)
        else:
            self._say(say.UNKNOWN_COMMAND)

    def _helo(self, argument: str) -> None:
        if not argument:
            self._say(say.SYNTAX_HELLO)
            return
        self._reset()
        self._greeted = True
        self._say(f"250 {self._desk.hostname}")

    def _ehlo(self, argument: str) -> None:
        if not argument:
            self._say(say.SYNTAX_HELLO)
            return
        self._reset()
        self._greeted = True
        tls = self._desk.tls is not None and not self._encrypted
        desk = self._desk
        self._say(*say.extensions(desk.hostname, max_bytes=desk.max_bytes, tls=tls))

    def _mail_from(self, argument: str) -> None:
        if not self._greeted:
            self._say(say.HELLO_FIRST)
        elif self._sender is not None:
            self._say(say.NESTED_MAIL)
        else:
            sender = say.read_sender(argument)
            if isinstance(sender, str):
                self._say(sender)
            elif sender.announced_bytes > self._desk.max_bytes:
                self._say(say.too_large(self._desk.max_bytes))
            else:
                self._sender = sender
                self._say(say.SENDER_OK)

    def _rcpt_to(self, argument: str) -> None:
        if self._sender is None:
            self._say(say.MAIL_FIRST)
            return
        if len(self._recipients) >= MAX_RECIPIENTS:
            self._say(say.TOO_MANY_RECIPIENTS)
            return
        found = say.read_recipient(argument)
        if isinstance(found, str):
            self._say(found)
        else:
            self._wait_for(self._check_recipient(found.address))

    async def _check_recipient(self, address: str) -> None:
        refusal = await self._desk.refusal_of(address)
        if refusal is None:
            self._recipients.append(address)
        self._say(refusal or say.RECIPIENT_OK)

    def _data(self, argument: str) -> None:
        if argument:
            self._say(say.SYNTAX_DATA)
        elif self._sender is None:
            self._say(say.MAIL_FIRST)
        elif not self._recipients:
            self._say(say.RECIPIENT_FIRST)
        else:
            self._mail = IncomingMail.begin(self._desk, self._sender.announced_bytes)
            if self._mail is None:
                self._reset()
                self._say(say.BUSY)
                return
            self._say(say.GO_AHEAD)
            rest = bytes(self._buffer)
            self._buffer.clear()
            if rest:
                self._take(rest)

    def _take(self, data: bytes) -> None:
        """Take a piece of the mail; hand it over when the end mark has come."""
        mail = self._mail
        rest = mail.take(data) if mail is not None else None
        if mail is not None and rest is not None:
            self._buffer += rest
            self._mail = None
            self._wait_for(self._finish(mail))

    async def _finish(self, mail: IncomingMail) -> None:
        sender = self._sender
        try:
            if mail.refusal or sender is None:
                self._say(mail.refusal or say.MAIL_FIRST)
            else:
                stored = Mail(
                    sender=sender.address,
                    recipients=tuple(self._recipients),
                    original=mail.original(),
                    began_ns=mail.began_ns,
                )
                self._say(await self._desk.store(stored))
        finally:
            mail.drop()
            self._reset()

    def _rset(self, argument: str) -> None:
        del argument
        self._reset()
        self._say(say.OK)

    def _starttls(self, argument: str) -> None:
        if argument or self._desk.tls is None or self._encrypted:
            self._say(say.NO_TLS)
            return
        # What came after the command came in clear and may be somebody else's: it is dropped.
        self._buffer.clear()
        self._say(say.READY_FOR_TLS)
        self._wait_for(self._encrypt(self._desk.tls))

    async def _encrypt(self, context: ssl.SSLContext) -> None:
        transport = self._transport
        if transport is None:
            return
        try:
            encrypted = await asyncio.get_running_loop().start_tls(
                transport, self, context, server_side=True
            )
        except (OSError, ssl.SSLError):
            transport.abort()
            return
        self._transport = encrypted
        self._encrypted = True
        self._greeted = False
        self._buffer.clear()
        self._reset()

    # The machinery.

    def _wait_for(self, work: Coroutine[object, object, None]) -> None:
        """Do what must be waited for; commands that were pipelined behind it wait too."""
        self._work = asyncio.create_task(work)
        self._work.add_done_callback(self._worked)

    def _worked(self, task: "asyncio.Task[None]") -> None:
        self._work = None
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _LOG.error("a session failed", exc_info=error)
            self._close(say.TRY_LATER)
        elif self._closing:
            self._close(say.GOING_DOWN)
        elif self._transport is not None:
            self._touch()
            self._transport.resume_reading()
            self._go_on()

    def _say(self, *lines: str) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write("".join(f"{line}\r\n" for line in lines).encode())

    def _close(self, last: str) -> None:
        self._say(last)
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    def _touch(self) -> None:
        loop = asyncio.get_running_loop()
        if self._idle is not None:
            self._idle.cancel()
        self._idle = loop.call_later(IDLE_SECONDS, self._silent)

    def _silent(self) -> None:
        if self._work is None:
            self._close(say.IDLE)

    def _reset(self) -> None:
        self._sender = None
        self._recipients = []
        self._drop_mail()

    def _drop_mail(self) -> None:
        if self._mail is not None:
            self._mail.drop()
            self._mail = None
