"""The world's mail servers: connections that are kept open and hand over one mail after another.

Written by hand, so that the client costs little beside what it measures. It behaves as a mail
server must: what was not answered with 250 is sent again, on a new connection.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from tests.bench.corpus import Letter

CONNECTIONS = 64
RETRY_SECONDS = 0.1
_SILENCE_SECONDS = 40.0
_OK = b"250"
_GO_AHEAD = b"354"


@dataclass(kw_only=True)
class Sent:
    """What became of one mail: when its last byte left first, when the 250 came, the attempts."""

    letter: Letter
    attempts: int = 0
    handed_over: float = 0.0
    accepted: float = 0.0
    waited: float = 0.0

    @property
    def reply_milliseconds(self) -> float:
        """How long the answer took after the last byte of the attempt that succeeded."""
        return self.waited * 1000


@dataclass(kw_only=True)
class PostOffice:
    """Hands mails to intake over kept connections and keeps the ledger of them."""

    port: int
    recipient: str
    connections: int = CONNECTIONS
    told: Callable[[Sent], None] = lambda _: None
    sent: dict[str, Sent] = field(default_factory=dict)
    _waiting: deque[Sent] = field(default_factory=deque)
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    _closed: bool = False

    async def send(self, letters: Iterable[Letter]) -> None:
        """Send all as fast as the connections take them; return when each was accepted."""
        for letter in letters:
            self.post(letter)
        await self.finish()

    async def send_at(self, letters: Iterable[Letter], *, rate: float) -> None:
        """Send so many a second, each at its own moment; return when each was accepted."""
        workers = asyncio.create_task(self._work())
        begun = time.monotonic()
        for number, letter in enumerate(letters):
            await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
            self.post(letter)
        self._close()
        await workers

    def post(self, letter: Letter) -> None:
        """Put one mail in line."""
        sent = self.sent[letter.token] = Sent(letter=letter)
        self._waiting.append(sent)
        self._more.set()

    async def finish(self) -> None:
        """Send what is in line and hang up."""
        self._close()
        await self._work()

    def _close(self) -> None:
        self._closed = True
        self._more.set()

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self.connections):
                group.create_task(self._one_connection())

    async def _one_connection(self) -> None:
        line: _Line | None = None
        while (sent := await self._next()) is not None:
            while not sent.accepted:
                try:
                    line = line or await _Line.dial(self.port)
                    sent.attempts += 1
                    if await line.hand_over(sent, self.recipient):
                        self.told(sent)
                    else:
                        # After a refusal a fresh dialogue: no stale answer can pass for a 250.
                        line.hang_up()
                        line = None
                        await asyncio.sleep(RETRY_SECONDS)
                except (OSError, TimeoutError):
                    line = None
                    await asyncio.sleep(RETRY_SECONDS)
        if line is not None:
            line.hang_up()

    async def _next(self) -> Sent | None:
        while not self._waiting:
            if self._closed:
                return None
            self._more.clear()
            await self._more.wait()
        return self._waiting.popleft()


class _Line(asyncio.Protocol):
    """One connection: commands go out together (PIPELINING), answers are counted off."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()

    @classmethod
    async def dial(cls, port: int) -> _Line:
        """Connect and greet.

        Raises:
            OSError: nobody answers, or what answers does not serve.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_SILENCE_SECONDS):
            _, line = await loop.create_connection(cls, "127.0.0.1", port)
            await line._expect(b"220")
            line._write(b"EHLO bench.example\r\n")
            await line._expect(_OK)
        return line

    async def hand_over(self, sent: Sent, recipient: str) -> bool:
        """Hand one mail over; False if it was refused for now.

        Raises:
            OSError: the connection broke; nobody knows what became of the mail.
        """
        letter = sent.letter
        async with asyncio.timeout(_SILENCE_SECONDS):
            self._write(
                f"MAIL FROM:<{letter.sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode()
            )
            answers = [await self._answer() for _ in range(3)]
            if not answers[-1].startswith(_GO_AHEAD):
                self._write(b"RSET\r\n")
                await self._answer()
                return False
            self._write(letter.raw.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n")
            left = time.monotonic()
            sent.handed_over = sent.handed_over or left
            if not (await self._answer()).startswith(_OK):
                return False
            sent.accepted = time.monotonic()
            sent.waited = sent.accepted - left
        return True

    def hang_up(self) -> None:
        """Say goodbye."""
        with suppress(OSError):
            self._write(b"QUIT\r\n")
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Cut what came into answers."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n")) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 2]
            # A dash after the code means that more lines of this answer follow.
            if line[3:4] != b"-":
                self._answers.put_nowait(line)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake whoever waits for an answer."""
        del exc
        self._transport = None
        self._answers.put_nowait(b"")

    async def _answer(self) -> bytes:
        line = await self._answers.get()
        if not line:
            raise ConnectionResetError
        return line

    async def _expect(self, code: bytes) -> None:
        if not (await self._answer()).startswith(code):
            raise ConnectionRefusedError

    def _write(self, data: bytes) -> None:
        if self._transport is None:
            raise ConnectionResetError
        self._transport.write(data)
