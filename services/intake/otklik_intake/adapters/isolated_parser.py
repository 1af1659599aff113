"""Reading originals in a process of their own, with a time limit: poison harms only itself."""

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from contextlib import suppress

from otklik_intake.adapters import parser_frames
from otklik_intake.domain.items import StoredItem
from otklik_intake.domain.letter import Content, Unreadable

TOO_SLOW = "too_slow_to_read"
CRASHED = "crashed_the_reader"
LIMIT_SECONDS = 20.0
IDLE_SECONDS = 60.0
_MODULE = "otklik_intake.adapters.parser_process"

_LOG = logging.getLogger(__name__)


class IsolatedParser:
    """One process at most, started when first needed and ended when it was idle for a minute."""

    def __init__(self, *, limit_seconds: float = LIMIT_SECONDS, module: str = _MODULE) -> None:
        """Build the parser.

        Args:
            limit_seconds: How long one original may take.
            module: What the process runs.
        """
        self._limit_seconds = limit_seconds
        self._module = module
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None

    async def parse(self, items: Sequence[StoredItem]) -> list[Content]:
        """Read originals, one after the other."""
        async with self._lock:
            return [await self._parse(item.original, item.media_type) for item in items]

    async def close(self) -> None:
        """End the process."""
        async with self._lock:
            await self._end()

    async def _parse(self, original: bytes, media_type: str) -> Content:
        process = await self._running()
        try:
            async with asyncio.timeout(self._limit_seconds):
                return await _ask(process, original, media_type)
        except TimeoutError:
            reason = TOO_SLOW
        except (OSError, EOFError, ValueError):
            reason = CRASHED
        finally:
            self._rest()
        _LOG.warning("an original could not be read", extra={"reason": reason})
        await self._end()
        return Unreadable(reason=reason)

    async def _running(self) -> asyncio.subprocess.Process:
        if self._idle is not None:
            self._idle.cancel()
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                # It reads what strangers wrote: it gets no secrets, and what it would complain
                # about could quote them.
                env={},
                stderr=asyncio.subprocess.DEVNULL,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=parser_frames.MAX_LINE,
            )
        return self._process

    def _rest(self) -> None:
        loop = asyncio.get_running_loop()
        self._idle = loop.call_later(IDLE_SECONDS, self._kill)

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def _end(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._kill()
        if self._process is not None:
            await self._process.wait()
            self._process = None


async def _ask(process: asyncio.subprocess.Process, original: bytes, media_type: str) -> Content:
    source, sink = process.stdout, process.stdin
    if source is None or sink is None:
        raise EOFError
    sink.write(parser_frames.request(original, media_type))
    await sink.drain()
    line = await source.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    document = json.loads(line)
    blobs = [await source.readexactly(size) for size in document["sizes"]]
    return parser_frames.content_of(document, blobs)
