"""The SMTP door: mail for our addresses, answered 250 only when it is stored for good.

The first stop of the journey. The root span of a message's story begins here, when the client says
DATA; the mail goes to the reception, and the reader finds it there.
"""

import asyncio
import logging
import socket
import ssl
from contextlib import suppress
from pathlib import Path

from opentelemetry.trace import SpanKind

from otklik_intake.domain import fingerprint, weight
from otklik_intake.domain.accounts import Accounts, Channel
from otklik_intake.domain.addresses import tag_of
from otklik_intake.domain.items import Arrival, Key
from otklik_intake.entrypoints import smtp_dialogue as say
from otklik_intake.entrypoints.reception import Reception
from otklik_intake.entrypoints.smtp_session import Mail, SmtpSession
from otklik_intake.ports import AccountDirectory
from otklik_runtime import metrics, story, telemetry
from otklik_runtime.errors import CannotStart, OtklikError

MAIL_TYPE = "message/rfc822"
MAX_SESSIONS = 1000
MAX_MEMORY_BYTES = 256 * 1024 * 1024
_DRAIN_SECONDS = 15.0

REFUSED = metrics.declare(
    "otklik.intake.smtp_refused",
    "counter",
    "{answer}",
    "Recipients and mails refused over SMTP.",
    attributes=("code",),
)

_LOG = logging.getLogger(__name__)


class SmtpServer:
    """Receives mail; an Entrypoint."""

    name = "smtp"

    def __init__(
        self,
        reception: Reception,
        accounts: AccountDirectory,
        *,
        host: str,
        port: int,
        hostname: str,
        max_bytes: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Take the port.

        Args:
            reception: Stores mail.
            accounts: Knows our addresses.
            host: The address to listen on.
            port: The port; 0 takes a free one.
            hostname: What the server calls itself.
            max_bytes: The largest mail taken.
            tls: The certificate for STARTTLS; without it the extension is not offered.

        Raises:
            CannotStart: the port is taken.
        """
        self.hostname = hostname
        self.max_bytes = max_bytes
        self.tls = tls
        self._reception = reception
        self._accounts = accounts
        self._sessions: set[SmtpSession] = set()
        self._memory = MAX_MEMORY_BYTES
        self._server: asyncio.Server | None = None
        self._drained = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._draining = False
        self._socket = _listen(host, port)

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._socket.getsockname()[1]
        return port

    async def run(self) -> None:
        """Serve until drained."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: SmtpSession(self), sock=self._socket)
        await self._drained.wait()

    async def drain(self) -> None:
        """Take no new session; let mails that are on their way be finished and answered."""
        self._draining = True
        if self._server is not None:
            self._server.close()
        for session in set(self._sessions):
            session.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                await self._empty.wait()
        await self._reception.drain()
        self._drained.set()

    def ready(self) -> str | None:
        """Say whether it listens."""
        return None if self._server is not None else "does not listen yet"

    # What sessions need.

    def join(self, session: SmtpSession) -> str | None:
        """Count a session in; a text is why it cannot be served now."""
        self._sessions.add(session)
        self._empty.clear()
        if self._draining:
            return say.GOING_DOWN
        return say.TOO_MANY_SESSIONS if len(self._sessions) > MAX_SESSIONS else None

    def leave(self, session: SmtpSession) -> None:
        """Count a session out."""
        self._sessions.discard(session)
        if not self._sessions:
            self._empty.set()

    def take(self, size: int) -> bool:
        """Reserve memory for so many bytes more; False if there is none left."""
        if size > self._memory:
            return False
        self._memory -= size
        return True

    def give_back(self, size: int) -> None:
        """Return reserved memory."""
        self._memory += size

    async def refusal_of(self, recipient: str) -> str | None:
        """Say why mail for an address is refused; None if it is taken."""
        try:
            accounts = await self._accounts.current()
            if accounts.receiving(recipient) is None:
                # It may have been added a second ago.
                accounts = await self._accounts.current(fresh=True)
        except OtklikError:
            telemetry.count(REFUSED, code="451")
            return say.TRY_LATER
        if accounts.receiving(recipient) is not None:
            return None
        telemetry.count(REFUSED, code="550")
        first = accounts.first_of(Channel.EMAIL)
        return say.unknown_recipient(recipient, first.address if first else "")

    async def store(self, mail: Mail) -> str:
        """Store a mail and give the answer."""
        with telemetry.tracer.start_as_current_span(
            "receive mail",
            kind=SpanKind.SERVER,
            start_time=mail.began_ns,
            attributes={"network.protocol.name": "smtp", "otklik.size": len(mail.original)},
        ):
            try:
                accounts = await self._accounts.current()
                receipt = await self._reception.receive(arrival_of(mail, accounts))
            except OtklikError as error:
                telemetry.count(REFUSED, code="451")
                _LOG.warning("mail not stored", extra={"reason": error.code})
                return say.TRY_LATER
            return say.accepted(receipt.name)


def arrival_of(mail: Mail, accounts: Accounts) -> Arrival:
    """Make an arrival of a mail: for the account of the recipient with a token, or the first."""
    ordered = sorted(mail.recipients, key=lambda address: not tag_of(address))
    account = next(found for one in ordered if (found := accounts.receiving(one)) is not None)
    external_id, digest = fingerprint.of_mail(mail.original)
    key = Key(
        channel=Channel.EMAIL,
        account=account.name,
        partner_id="",
        external_id=external_id,
        variant=digest,
    )
    return Arrival(
        key=key,
        content_digest=digest,
        original=mail.original,
        media_type=MAIL_TYPE,
        envelope_sender=mail.sender,
        recipients=mail.recipients,
        heavy=weight.is_heavy(mail.original),
        traceparent=story.current(),
    )


def tls_context(certificate: Path | None, private_key: Path | None) -> ssl.SSLContext | None:
    """Load the certificate for STARTTLS, if there is one.

    Raises:
        CannotStart: it cannot be used.
    """
    if certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, private_key)
    except (OSError, ssl.SSLError) as error:
        raise CannotStart(
            f"the certificate for STARTTLS cannot be used ({error.strerror or error}): check "
            "OTKLIK_INTAKE_SMTP_CERTIFICATE_FILE and OTKLIK_INTAKE_SMTP_PRIVATE_KEY_FILE"
        ) from error
    return context


def _listen(host: str, port: int) -> socket.socket:
    """Take the port now, so that a taken one is told before anything else starts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
        listener.setblocking(False)  # noqa: FBT003 - the standard library's way
    except OSError as error:
        listener.close()
        raise CannotStart(
            f"SMTP cannot listen on {host}:{port} ({error.strerror}): stop what uses the port, or "
            "set OTKLIK_INTAKE_SMTP_PORT"
        ) from error
    return listener
