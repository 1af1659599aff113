"""The connection to NATS: one per process, kept up for ever, under the service's own user.

JetStream is a transport that may forget: nothing exists only there. A service that finds no broker
works on; its
events wait in its database.
"""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import suppress
from typing import TYPE_CHECKING

import nats.aio.client
from nats.errors import Error as NatsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AsyncExitStack

    from nats.aio.client import Client
    from nats.js import JetStreamContext

# Where fast-mail-parser is installed, nats-py reads message headers with it; from 0.10 on that
# gives lists in place of strings. NATS headers are no mail headers: its own reader is right.
setattr(nats.aio.client, "parse_email", None)  # noqa: B010 - no part of its typed interface

_LOG = logging.getLogger(__name__)
_RECONNECT_SECONDS = 0.25
_REQUEST_SECONDS = 5.0


class Bus:
    """One process's connection to NATS.

    Attributes:
        user: The NATS user, also the prefix of the private inbox.
    """

    def __init__(self, url: str, *, user: str, password: str) -> None:
        """Describe the connection; `open` makes it."""
        self._url = url
        self.user = user
        self._password = password
        self._client: Client | None = None
        self._connected = asyncio.Event()
        self._waking = False
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, url: str, stack: AsyncExitStack, *, user: str, password: str) -> Bus:
        """Begin to connect in the background and close with the stack.

        Args:
            url: `nats://host:port`, several separated by commas.
            stack: Closes the connection.
            user: The NATS user.
            password: Its password.
        """
        bus = cls(url, user=user, password=password)
        task = asyncio.create_task(bus._connect(), name="bus connect")
        stack.push_async_callback(bus._close, task)
        return bus

    async def client(self) -> Client:
        """Return the connected client; wait for the first connection."""
        await self._connected.wait()
        assert self._client is not None  # noqa: S101 - set before the event
        return self._client

    async def jetstream(self) -> JetStreamContext:
        """Return the JetStream API of the connected client."""
        return (await self.client()).jetstream(timeout=_REQUEST_SECONDS)

    def ready(self) -> str | None:
        """Return None while connected, else what is wrong."""
        connected = self._client is not None and self._client.is_connected
        return (
            None
            if connected
            else "NATS does not answer; check OTKLIK_NATS_URL and the user's password"
        )

    def waker(self, service: str) -> Callable[[], None]:
        """Return what wakes the service's relay, wherever it runs; many calls make one message."""
        subject = f"otklik.wake.{service}"

        def wake() -> None:
            if not self._waking and self._client is not None and self._client.is_connected:
                self._waking = True
                task = asyncio.get_running_loop().create_task(self._wake(subject))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

        return wake

    async def _wake(self, subject: str) -> None:
        self._waking = False
        with suppress(NatsError, OSError):
            await (await self.client()).publish(subject, b"")

    async def _connect(self) -> None:
        while True:
            try:
                client = _Client()
                await client.connect(
                    self._url.split(","),
                    user=self.user,
                    password=self._password,
                    name=f"otklik-{self.user}",
                    inbox_prefix=f"_INBOX_{self.user}".encode(),
                    allow_reconnect=True,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=_RECONNECT_SECONDS,  # type: ignore[arg-type] # handed to asyncio.sleep
                    connect_timeout=2,
                    pending_size=64 * 1024 * 1024,
                    error_cb=_report,
                    disconnected_cb=_disconnected,
                    reconnected_cb=_reconnected,
                )
            except (NatsError, OSError) as error:
                _LOG.warning("NATS does not answer", extra={"error": type(error).__name__})
                await asyncio.sleep(_RECONNECT_SECONDS * (1 + random.random()))  # noqa: S311 - spreads a herd
            else:
                self._client = client
                self._connected.set()
                return

    async def _close(self, connecting: asyncio.Task[None]) -> None:
        connecting.cancel()
        with suppress(asyncio.CancelledError):
            await connecting
        for task in list(self._tasks):
            await task
        if self._client is not None:
            with suppress(NatsError, OSError, asyncio.TimeoutError):
                await asyncio.wait_for(self._client.flush(), 2)
            # A transport that is gone already cannot be closed again, which nothing depends on.
            with suppress(NatsError, OSError, RuntimeError):
                await self._client.close()


class _Client(nats.aio.client.Client):
    """nats-py's client with a quicker reader of message headers: ours are a dozen plain lines."""

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        """Read `name: value` lines; its own reader looks at each character of each name."""
        found = {}
        for line in raw.decode("utf-8", "replace").split("\r\n"):
            name, colon, value = line.partition(":")
            if colon:
                found[name.strip()] = value.strip()
        return found


async def _report(error: Exception) -> None:
    # The only place where the reason of a refused publish shows.
    _LOG.warning("NATS reports an error", extra={"error": f"{type(error).__name__}: {error}"})


async def _disconnected() -> None:
    _LOG.warning("NATS connection lost")


async def _reconnected() -> None:
    _LOG.info("NATS connection is back")
