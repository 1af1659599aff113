"""The SMTP side: takes every letter from this machine, unless a rule says to fail.

A letter is answered with 250 only after it lies on disk, as any server must.
"""

import asyncio
import socket
from collections.abc import Awaitable
from typing import Never, Protocol, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tools.mailbox.faults import Act, Fault, FaultBook
from tools.pages.server import loopback_socket

MAX_LETTER_OCTETS = 50 * 1024 * 1024
_FULL = "452 4.3.1 The disk of this mailbox takes no more"
_REFUSED_FOR_ACTS = (Act.REFUSE_MESSAGE, Act.REFUSE_RECIPIENT)


class Keeper(Protocol):
    """What the SMTP side needs of the mailbox."""

    def keep(
        self, mail_from: str, recipients: tuple[str, ...], content: bytes, *, answered: bool
    ) -> Awaitable[str]:
        """Keep a letter and return the reply."""
        ...

    def note_failure(
        self, mail_from: str, recipients: tuple[str, ...], content: bytes, *, reply: str
    ) -> Awaitable[None]:
        """Account for a letter that was not kept; no reply means that the connection was cut."""
        ...


class _Handler:
    """The hooks aiosmtpd calls; their names and parameters are its own."""

    def __init__(self, keeper: Keeper, faults: FaultBook) -> None:
        self._keeper = keeper
        self._faults = faults

    async def handle_RCPT(  # noqa: N802 - aiosmtpd looks the hook up by this name
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        fault = self._faults.take([address], at_recipient=True)
        if fault is None:
            envelope.rcpt_tos.append(address)
            return "250 2.1.5 OK"
        await asyncio.sleep(fault.delay_seconds)
        try:
            await self._keeper.note_failure(
                _sender(envelope), (_sayable(address),), b"", reply=fault.reply
            )
        except OSError:
            return _FULL
        return fault.reply

    async def handle_DATA(  # noqa: N802 - aiosmtpd looks the hook up by this name
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        fault = self._faults.take(envelope.rcpt_tos, at_recipient=False)
        try:
            if fault is not None:
                return await self._fail(fault, server, envelope)
            return await self._keep(envelope, answered=True)
        except OSError:
            return _FULL

    async def _fail(self, fault: Fault, server: SMTP, envelope: Envelope) -> str:
        await asyncio.sleep(fault.delay_seconds)
        if fault.act is Act.ANSWER_LATE:
            return await self._keep(envelope, answered=True)
        if fault.act is Act.DROP_AFTER_KEEPING:
            await self._keep(envelope, answered=False)
            return await _cut(server)
        reply = fault.reply if fault.act in _REFUSED_FOR_ACTS else ""
        recipients = _recipients(envelope)
        content = _content(envelope)
        await self._keeper.note_failure(_sender(envelope), recipients, content, reply=reply)
        return reply or await _cut(server)

    async def _keep(self, envelope: Envelope, *, answered: bool) -> str:
        recipients = _recipients(envelope)
        content = _content(envelope)
        return await self._keeper.keep(_sender(envelope), recipients, content, answered=answered)


class SmtpSink:
    """Listens for SMTP on loopback in the running loop."""

    def __init__(self, keeper: Keeper, faults: FaultBook) -> None:
        self._handler = _Handler(keeper, faults)
        self._server: asyncio.Server | None = None
        self._sessions: set[SMTP] = set()
        self._left = asyncio.Event()
        self.port = 0

    async def start(self, port: int) -> None:
        """Listen; port 0 takes any free one.

        Raises:
            PortBusy: another process listens there.
        """
        listener: socket.socket = loopback_socket(port)
        self.port = listener.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, sock=listener)

    async def stop(self) -> None:
        """Stop listening and cut the sessions that are open."""
        if self._server is None:
            return
        self._server.close()
        for session in self._sessions:
            _abort(session)
        await self._server.wait_closed()
        while self._sessions:
            # Each leaves when the loop has told it that its connection is lost.
            self._left.clear()
            await self._left.wait()
        self._server = None

    def _session(self) -> SMTP:
        session = _Session(
            self._handler,
            hostname="mailbox.localhost",
            ident="otklik mailbox",
            data_size_limit=MAX_LETTER_OCTETS,
            enable_SMTPUTF8=True,
            auth_require_tls=False,
            authenticator=_anyone,
            loop=asyncio.get_running_loop(),
        )
        session.sink = self
        return session

    def joined(self, session: SMTP) -> None:
        """Note that a connection is open."""
        self._sessions.add(session)

    def left(self, session: SMTP) -> None:
        """Note that a connection is gone."""
        self._sessions.discard(session)
        self._left.set()


class _Session(SMTP):
    """One connection, known to the sink while it lasts."""

    sink: SmtpSink

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.sink.joined(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.sink.left(self)


def _anyone(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, _login: LoginPassword
) -> AuthResult:
    """Let anyone in who cares to give a name: there is nothing here to protect."""
    return AuthResult(success=True)


def _abort(session: SMTP) -> None:
    if session.transport is not None:
        # A socket's transport, whatever loop made it; aiosmtpd declares only what all share.
        cast("asyncio.WriteTransport", session.transport).abort()


async def _cut(server: SMTP) -> Never:
    _abort(server)
    # The session is cancelled as soon as the loop sees the connection end; nothing is answered.
    await asyncio.get_running_loop().create_future()
    msg = "a session without a connection went on"
    raise ConnectionAbortedError(msg)


def _sender(envelope: Envelope) -> str:
    sender = envelope.mail_from
    # The empty reverse path of a bounce reaches us with its brackets.
    return "" if sender in (None, "<>") else _sayable(sender)


def _recipients(envelope: Envelope) -> tuple[str, ...]:
    return tuple(_sayable(recipient) for recipient in envelope.rcpt_tos)


def _sayable(address: str) -> str:
    # aiosmtpd smuggles bytes that are no UTF-8 through as surrogates, which no page can show.
    return address.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _content(envelope: Envelope) -> bytes:
    content = envelope.original_content
    return content if isinstance(content, bytes) else b""
