"""The doors as honest clients use them: the same message under the same id until it is answered.

`send` hands one attempt over once. It returns what was answered, raises `TryAgain` where a real
client would come again, and `Refused` where it would not.
"""

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiosmtplib
import grpc
import httpx

from otklik.intake.v1 import intake_service_pb2, intake_service_pb2_grpc
from otklik_runtime.ids import stable_id
from tests.chaos import texts
from tests.chaos.ledger import Attempt
from tests.chaos.texts import SUPPORT, Text
from tools.local.callers import Callers, CallRefused
from tools.local.failures import StackFailed
from tools.local.ports import LOOPBACK, Ports

SECONDS = 10
REPLY_SHARE = 0.15
_FOR_GOOD = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
_PERMANENT = 500
_CONTENT_ERRORS = range(400, 500)


class TryAgain(Exception):
    """The other side did not answer, or asked to come again."""


class Refused(Exception):
    """The other side does not want it, now or ever."""


class Door(Protocol):
    """One client with one connection."""

    async def send(self, attempt: Attempt) -> str:
        """Hand it over and return what was answered.

        Raises:
            TryAgain: it may be sent again.
            Refused: it may not.
        """

    async def close(self) -> None:
        """Hang up."""


@dataclass(kw_only=True)
class Mail:
    """A mail server that keeps its connection and makes a new one when it breaks."""

    ports: Ports
    chance: random.Random
    _client: aiosmtplib.SMTP | None = None
    _written: dict[str, bytes] = field(default_factory=dict)
    _earlier: deque[tuple[str, Text]] = field(default_factory=lambda: deque(maxlen=20))

    async def send(self, attempt: Attempt) -> str:
        """Send the letter, byte for byte the same at every attempt."""
        if attempt.token not in self._written:
            self._written = {attempt.token: self._write(attempt)}
        try:
            client = self._client or await self._connected()
            _, answer = await client.sendmail(
                "mailer@customer.example", [SUPPORT], self._written[attempt.token]
            )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            await self.close()
            raise _smtp_error(refused.recipients[0].code, str(refused)) from refused
        except aiosmtplib.SMTPResponseException as refused:
            await self.close()
            raise _smtp_error(refused.code, str(refused)) from refused
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            await self.close()
            raise TryAgain(type(error).__name__) from error
        return answer

    async def close(self) -> None:
        """Drop the connection without ceremony."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def _connected(self) -> aiosmtplib.SMTP:
        client = aiosmtplib.SMTP(
            hostname=LOOPBACK,
            port=self.ports.intake_smtp,
            timeout=SECONDS,
            start_tls=False,
            use_tls=False,
        )
        await client.connect()
        self._client = client
        return client

    def _write(self, attempt: Attempt) -> bytes:
        text = texts.write(attempt, self.chance)
        answers = ""
        if self._earlier and self.chance.random() < REPLY_SHARE:
            answers, asked = self.chance.choice(self._earlier)
            text = Text(
                sender=asked.sender,
                name=asked.name,
                subject=f"Re: {text.subject}",
                body=text.body,
                locale=asked.locale,
            )
        self._earlier.append((texts.message_id(attempt.token), text))
        return texts.letter(text, attempt, answers=answers)


@dataclass(kw_only=True)
class Form:
    """A program that posts requests with an Idempotency-Key."""

    ports: Ports
    chance: random.Random
    _client: httpx.AsyncClient = field(
        default_factory=lambda: httpx.AsyncClient(trust_env=False, timeout=SECONDS)
    )
    _written: dict[str, Text] = field(default_factory=dict)

    async def send(self, attempt: Attempt) -> str:
        """Post the request."""
        if attempt.token not in self._written:
            self._written = {attempt.token: texts.write(attempt, self.chance)}
        text = self._written[attempt.token]
        try:
            answer = await self._client.post(
                f"{self.ports.url('intake')}/v1/requests",
                json={
                    "name": text.name,
                    "email": text.sender,
                    "subject": text.subject,
                    "text": text.body,
                    "locale": text.locale,
                },
                headers={"Idempotency-Key": attempt.token},
            )
        except httpx.HTTPError as error:
            raise TryAgain(type(error).__name__) from error
        if answer.is_success:
            return answer.text
        said = f"{answer.status_code} {answer.text}"
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise TryAgain(said)
        raise (Refused if answer.status_code in _CONTENT_ERRORS else TryAgain)(said)

    async def close(self) -> None:
        """Hang up."""
        await self._client.aclose()


@dataclass(kw_only=True)
class Partner:
    """A partner system that submits over gRPC with a request_id."""

    callers: Callers
    name: str
    chance: random.Random
    _written: dict[str, Text] = field(default_factory=dict)

    async def send(self, attempt: Attempt) -> str:
        """Submit the message."""
        if attempt.token not in self._written:
            self._written = {attempt.token: texts.write(attempt, self.chance)}
        text = self._written[attempt.token]
        request = intake_service_pb2.SubmitMessageRequest(
            request_id=stable_id("chaos", attempt.token),
            account="channelAccounts/partner-api",
            sender_address=text.sender,
            sender_name=text.name,
            subject=text.subject,
            text=text.body,
            locale=text.locale,
        )
        make = intake_service_pb2_grpc.IntakeServiceStub
        return str((await called(self._stub(make), "SubmitMessage", request)).name)

    async def close(self) -> None:
        """Leave the connection to the others who use it."""

    async def _stub(self, make: Any) -> Any:
        return await self.callers.partner(self.name, make, "intake")


async def called(stub: Any, method: str, request: Any) -> Any:
    """Call a method and tell what may be tried again from what may not.

    Raises:
        TryAgain: the service is away, or others were faster.
        Refused: the service does not want it.
    """
    try:
        return await getattr(await stub, method)(request, timeout=SECONDS)
    except CallRefused as refused:
        raise (Refused if refused.status in _FOR_GOOD else TryAgain)(str(refused)) from refused
    except (grpc.aio.AioRpcError, httpx.HTTPError, StackFailed) as error:
        raise TryAgain(f"{type(error).__name__} {error}") from error


def _smtp_error(code: int, said: str) -> Exception:
    return (Refused if code >= _PERMANENT else TryAgain)(said)
