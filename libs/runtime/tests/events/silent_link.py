"""A TCP link that can be cut as a pulled cable cuts it: nothing is closed, nothing arrives."""

import asyncio
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit


class SilentLink:
    """Stands between a client and a server until it is cut; then both wait for each other."""

    def __init__(self, target_url: str) -> None:
        target = urlsplit(target_url)
        self._target = (target.hostname, target.port)
        self._url = target
        self._whole = asyncio.Event()
        self._whole.set()
        self._swallowing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        user = f"{self._url.username}@" if self._url.username else ""
        self.url = f"{self._url.scheme}://{user}127.0.0.1:{port}{self._url.path}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.transport.abort()

    def cut(self) -> None:
        """Let nothing through any more, in either direction."""
        self._whole.clear()

    def mend(self) -> None:
        """Let everything through again, also what was held back."""
        self._whole.set()

    def swallow_answers(self) -> None:
        """Let the client reach the server, and nothing of the server the client."""
        self._swallowing = True

    def break_off(self) -> None:
        """End every connection without a word; the next ones are whole."""
        self._swallowing = False
        for writer in self._writers:
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._whole.wait()
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._writers += [writer, far_writer]
        for answers, pair in enumerate(((reader, far_writer), (far_reader, writer))):
            task = asyncio.create_task(self._carry(*pair, answers=bool(answers)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._whole.wait()
                if answers and self._swallowing:
                    continue
                writer.write(data)
                await writer.drain()
            await self._whole.wait()
            writer.close()
