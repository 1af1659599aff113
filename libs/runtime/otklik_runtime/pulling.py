"""Taking a durable consumer's messages as they come, a batch at a time.

nats-py's own `fetch` makes two tasks and a timer for every message it returns, which costs more
than all the rest of reading one. Here one request stays open at the broker, what it sends is put
aside as it arrives, and `fetch` takes all there is.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Self

from nats.js.errors import NotFoundError, ServiceUnavailableError

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

_STATUS = "Status"
_DESCRIPTION = "Description"
_NO_RESPONDERS = "503"
_CONFLICT = "409"
_HEARTBEAT = "100"
_NANOSECONDS = 1_000_000_000
# How much later than promised the end of a request may be told before it counts as lost.
_GRACE_SECONDS = 0.5
BUSY_FROM = 8
"""So many at once mean that more are on their way: the batch is given a moment to fill."""
FILL_SECONDS = 0.005


class Pull:
    """An open hand for the messages of one durable consumer.

    Never more than one request is open, so no more than one batch is in this process unhandled.
    """

    def __init__(self, client: Client, *, stream: str, durable: str, batch: int) -> None:
        """Describe what is taken; `open` begins.

        Args:
            client: The connection.
            stream: The stream's name.
            durable: The consumer's name.
            batch: How many are taken at once, at most.
        """
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._inbox = client.new_inbox()
        self._batch = batch
        self._subscription: Subscription | None = None
        self._arrived: list[Msg] = []
        self._woken = asyncio.Event()
        self._asked = 0
        self._asked_until = 0.0
        # Whoever begins mostly finds a backlog.
        self._were_many = True
        self._error: Exception | None = None

    async def open(self) -> Self:
        """Listen for what will be asked for."""
        self._subscription = await self._client.subscribe(self._inbox, cb=self._take)
        return self

    async def close(self) -> None:
        """Listen no more; what has come and was not fetched is given back at once."""
        if self._subscription is not None:
            await self._subscription.unsubscribe()
        messages, self._arrived = self._arrived, []
        for message in messages:
            await message.nak()

    async def fetch(self, *, seconds: float) -> list[Msg]:
        """Return what has come, at least one message; nothing if none comes in time.

        Raises:
            NotFoundError: the consumer is gone.
            ServiceUnavailableError: nobody answers for it.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while not self._arrived:
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            now = loop.time()
            if now >= until:
                return []
            if not self._asked or now > self._asked_until:
                await self._ask(seconds)
            self._woken.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self._woken.wait()
            except TimeoutError:
                continue
        many = len(self._arrived) >= BUSY_FROM
        if (many or self._were_many) and len(self._arrived) < self._batch:
            await asyncio.sleep(FILL_SECONDS)
        self._were_many = many
        messages, self._arrived = self._arrived, []
        return messages

    async def _ask(self, seconds: float) -> None:
        self._asked = self._batch
        loop = asyncio.get_running_loop()
        self._asked_until = loop.time() + seconds + _GRACE_SECONDS
        wanted = {"batch": self._batch, "expires": int(seconds * _NANOSECONDS)}
        await self._client.publish(self._subject, json.dumps(wanted).encode(), reply=self._inbox)

    async def _take(self, message: Msg) -> None:
        status = None if message.data or not message.headers else message.headers.get(_STATUS)
        if status is None:
            self._asked -= 1
            self._arrived.append(message)
        elif status != _HEARTBEAT:
            self._asked = 0
            self._error = _trouble(status, (message.headers or {}).get(_DESCRIPTION, ""))
        self._woken.set()


def _trouble(status: str, description: str) -> Exception | None:
    """Tell the end of a request from the end of its consumer."""
    if status == _NO_RESPONDERS:
        return ServiceUnavailableError(description=description)
    if status == _CONFLICT and "deleted" in description.lower():
        return NotFoundError(description=description)
    return None
