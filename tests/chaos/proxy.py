"""A way to PostgreSQL that can lose the answer to a COMMIT: nobody learns how it ended."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Self

from tools.local.ports import LOOPBACK

# A simple query, which is how the driver commits.
_COMMIT = b"COMMIT;\x00"
_CHUNK = 65536


@dataclass(kw_only=True)
class Proxy:
    """Stands between one service and PostgreSQL.

    Attributes:
        target: PostgreSQL's port.
        lose: so many answers to come are lost, their connections cut.
        lost: so many were lost already.
    """

    target: int
    lose: int = 0
    lost: int = 0
    _server: asyncio.Server | None = None
    _sessions: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._session, LOOPBACK, 0)
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Cut every connection."""
        assert self._server is not None
        self._server.close()
        for session in set(self._sessions):
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    async def _session(
        self, client_reader: asyncio.StreamReader, client_writer: asyncio.StreamWriter
    ) -> None:
        session = asyncio.current_task()
        assert session is not None
        self._sessions.add(session)
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, self.target)
        except OSError:
            client_writer.close()
            self._sessions.discard(session)
            return
        losing = asyncio.Event()
        ways = [
            asyncio.create_task(self._questions(client_reader, writer, losing)),
            asyncio.create_task(_answers(reader, client_writer, losing)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            writer.close()
            client_writer.close()
            self._sessions.discard(session)

    async def _questions(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, losing: asyncio.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self.lose and _COMMIT in data:
                    self.lose -= 1
                    self.lost += 1
                    losing.set()
                writer.write(data)
                await writer.drain()


async def _answers(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, losing: asyncio.Event
) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            if losing.is_set():
                # It has committed: PostgreSQL answers after the fact. Nobody hears of it.
                return
            writer.write(data)
            await writer.drain()
