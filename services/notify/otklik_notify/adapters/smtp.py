"""Hand mails over to a mail server: a few connections, kept open, one mail at a time on each.

Every end of an attempt is a result. What the server says about a mail decides about that mail; what
goes wrong with the connection, or with our own right to use the server, is never a mail's fault and
is tried again. When the connection breaks after the text has left, nobody knows.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from otklik_notify.adapters.mime import HeaderBroken, wire_bytes
from otklik_notify.domain.delivery import Delivery, Result, Verdict
from otklik_notify.domain.mail import Mail

_PERMANENT = 500
_MAX_MAILS = 100
_IDLE_SECONDS = 20.0
_ENHANCED = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")


@dataclass(frozen=True, kw_only=True)
class Server:
    """The mail server that everything is handed to.

    Attributes:
        encryption: `none`, `starttls` or `tls`.
        timeout: How long it may take to answer one command, in seconds.
    """

    host: str
    port: int
    encryption: str = "starttls"
    username: str = ""
    password: str = ""
    local_hostname: str = "localhost"
    timeout: float = 30.0


@dataclass(kw_only=True)
class _Line:
    """One open connection."""

    client: SMTP
    used_at: float
    mails: int = 0


class SmtpCarrier:
    """Carries mails; safe to be used by several tasks at once, each on a connection of its own."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._idle: list[_Line] = []

    @classmethod
    def open(cls, server: Server, stack: AsyncExitStack) -> "SmtpCarrier":
        """Make a carrier whose connections end with the stack."""
        carrier = cls(server)
        stack.push_async_callback(carrier.close)
        return carrier

    async def close(self) -> None:
        """Say goodbye on every connection that is idle."""
        while self._idle:
            await _quit(self._idle.pop())

    async def carry(self, delivery: Delivery, mail: Mail) -> Result:
        """Try once to hand a mail over."""
        try:
            content = wire_bytes(mail, date=delivery.created_at, locale=delivery.locale)
            recipient, sender = _ascii(mail.recipient), _ascii(mail.envelope_sender)
        except HeaderBroken:
            return _result(delivery, Verdict.REFUSED, "content_invalid")
        except UnicodeError:
            return _result(delivery, Verdict.REFUSED, "address_not_supported")
        try:
            try:
                async with self._line(await self._fresh()) as client:
                    return await _hand_over(client, delivery, sender, recipient, content)
            except SMTPServerDisconnected:
                # Servers hang up on idle connections, and nothing of this mail has left yet.
                async with self._line(await self._new()) as client:
                    return await _hand_over(client, delivery, sender, recipient, content)
        except SMTPResponseException as error:
            # Not about this mail: the greeting, the encryption or our credentials.
            return _result(delivery, Verdict.RETRY, "server_refused_us", _codes(error))
        except (SMTPException, OSError) as error:
            return _result(delivery, Verdict.RETRY, "server_unreachable", type(error).__name__)

    @asynccontextmanager
    async def _line(self, line: _Line) -> AsyncIterator[SMTP]:
        """Lend a connection; one on which anything unexpected happened is not used again."""
        try:
            yield line.client
        except BaseException:
            line.client.close()
            raise
        line.mails += 1
        line.used_at = asyncio.get_running_loop().time()
        if line.client.is_connected and line.mails < _MAX_MAILS:
            self._idle.append(line)
        else:
            await _quit(line)

    async def _fresh(self) -> _Line:
        now = asyncio.get_running_loop().time()
        while self._idle:
            line = self._idle.pop()
            if line.client.is_connected and now - line.used_at < _IDLE_SECONDS:
                return line
            await _quit(line)
        return await self._new()

    async def _new(self) -> _Line:
        server = self._server
        client = SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username or None,
            password=server.password or None,
            local_hostname=server.local_hostname,
            timeout=server.timeout,
            use_tls=server.encryption == "tls",
            start_tls=server.encryption == "starttls",
        )
        await client.connect()
        return _Line(client=client, used_at=asyncio.get_running_loop().time())


async def _hand_over(
    client: SMTP, delivery: Delivery, sender: str, recipient: str, content: bytes
) -> Result:
    try:
        await client.mail(sender)
    except SMTPResponseException as error:
        # Whom we may be is between us and the server, whatever this mail says.
        return await _refused(client, delivery, error, "sender_refused", for_good=False)
    try:
        await client.rcpt(recipient)
    except SMTPResponseException as error:
        return await _refused(client, delivery, error, "address_refused")
    try:
        await client.data(content)
    except SMTPResponseException as error:
        return await _refused(client, delivery, error, "content_refused")
    except (SMTPServerDisconnected, SMTPTimeoutError, OSError) as error:
        client.close()
        return _result(delivery, Verdict.RETRY, "answer_lost", type(error).__name__, in_doubt=True)
    return _result(delivery, Verdict.ACCEPTED)


async def _refused(
    client: SMTP,
    delivery: Delivery,
    error: SMTPResponseException,
    reason: str,
    *,
    for_good: bool = True,
) -> Result:
    """Read a refusal: for good or for now; and make the connection usable again."""
    with suppress(SMTPException, OSError):
        await client.rset()
    verdict = Verdict.REFUSED if for_good and error.code >= _PERMANENT else Verdict.RETRY
    return _result(delivery, verdict, reason, _codes(error))


def _result(
    delivery: Delivery,
    verdict: Verdict,
    reason: str = "",
    detail: str = "",
    *,
    in_doubt: bool = False,
) -> Result:
    return Result(
        delivery_id=delivery.id,
        attempt=delivery.attempt_count,
        verdict=verdict,
        reason=reason,
        detail=f"{reason} {detail}".strip(),
        in_doubt=in_doubt,
    )


def _codes(error: SMTPResponseException) -> str:
    """Keep the codes of an answer; its text may name the person."""
    enhanced = _ENHANCED.search(str(error.message))
    return f"{error.code} {enhanced.group()}" if enhanced else str(error.code)


def _ascii(address: str) -> str:
    """Write an address for the envelope: an international domain as its ASCII form.

    Raises:
        UnicodeError: the part before the `@` is not ASCII, which needs SMTPUTF8 all the way.
    """
    if address.isascii():
        return address
    local_part, _, domain = address.rpartition("@")
    return f"{local_part.encode('ascii').decode()}@{domain.encode('idna').decode()}"


async def _quit(line: _Line) -> None:
    with suppress(SMTPException, OSError):
        await line.client.quit(timeout=2)
    line.client.close()
