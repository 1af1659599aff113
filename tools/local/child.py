"""One process of the stack: started with its own environment and log, awaited, ended or killed."""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from otklik_runtime.testing.process import runs, until_gone
from tools.local.failures import ChildDied, ChildNotReady
from tools.local.home import Home

POLL_SECONDS = 0.05
READY_SECONDS = 120.0
TAIL_LINES = 12
TAIL_BYTES = 16 * 1024
LARGEST_LOG_BYTES = 32 * 1024 * 1024
LEFT_BEHIND_SECONDS = 10

# Says why a process is not ready yet, or nothing when it is.
WhyNotReady = Callable[[], Awaitable[str | None]]


@dataclass(kw_only=True)
class Child:
    """A process that can be started any number of times.

    Args:
        name: what people call it, and the name of its log file.
        command: what to run.
        environment: the whole of its environment; nothing is inherited.
        why_not_ready: asked until it says nothing; without it a running process is ready.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    home: Home
    directory: Path
    why_not_ready: WhyNotReady | None = None
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _log_began: int = field(default=0, init=False, repr=False)

    @property
    def log(self) -> Path:
        """Everything it ever wrote, one start after another."""
        return self.home.logs / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """How it ended: none while it runs or before it was started."""
        return None if self._process is None else self._process.poll()

    def spawn(self, extra: Mapping[str, str] | None = None) -> None:
        """Start it without waiting; a session of its own keeps Ctrl-C from reaching it first."""
        with suppress(FileNotFoundError):
            if self.log.stat().st_size > LARGEST_LOG_BYTES:
                self.log.replace(self.log.with_suffix(".old.log"))
        with self.log.open("ab") as log:
            self._log_began = log.tell()
            self._process = subprocess.Popen(
                list(self.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                env={**self.environment, **(extra or {})},
                start_new_session=True,
            )
        record(self.home, self.name, self._process.pid, told="\0".join(self.command))

    async def wait_ready(self, *, seconds: float = READY_SECONDS) -> None:
        """Return when it is ready.

        Raises:
            ChildDied: it ended instead.
            ChildNotReady: it takes too long; the message says what it waits for.
        """
        deadline = time.monotonic() + seconds
        while True:
            if self.pid is None:
                raise self.died()
            why = None if self.why_not_ready is None else await self.why_not_ready()
            if why is None:
                return
            if time.monotonic() > deadline:
                raise ChildNotReady(self.name, seconds=seconds, why=why, log=self.log)
            await asyncio.sleep(POLL_SECONDS)

    async def wait_end(self, *, seconds: float | None = None) -> int:
        """Return its exit status once it has ended by itself."""
        async with asyncio.timeout(seconds):
            # Polled, because a process started on one event loop may be awaited on another.
            while (status := self.exit_status) is None:  # noqa: ASYNC110
                await asyncio.sleep(POLL_SECONDS)
        self._forget()
        return status

    async def stop(self, *, seconds: float = 20) -> bool:
        """Ask it to end in order; kill it if it does not. True when it ended by itself."""
        return await self._end(signal.SIGTERM, seconds=seconds)

    async def kill(self) -> None:
        """End it as if the machine had lost it (kill -9)."""
        await self._end(signal.SIGKILL, seconds=10)

    def died(self) -> ChildDied:
        """Say that and how it ended."""
        self._forget()
        return ChildDied(
            self.name, status=_ending(self.exit_status), log=self.log, tail=self.last_lines()
        )

    def last_lines(self, lines: int = TAIL_LINES) -> str:
        """Read the end of what it wrote since its last start."""
        try:
            with self.log.open("rb") as log:
                end = log.seek(0, os.SEEK_END)
                log.seek(max(self._log_began, end - TAIL_BYTES))
                text = log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    async def _end(self, number: signal.Signals, *, seconds: float) -> bool:
        process = self._process
        if process is None or process.poll() is not None:
            self._forget()
            return True
        process.send_signal(number)
        deadline = time.monotonic() + seconds
        in_order = True
        while process.poll() is None:
            if in_order and time.monotonic() > deadline:
                in_order = False
                process.kill()
            await asyncio.sleep(POLL_SECONDS)
        self._forget()
        return in_order

    def _forget(self) -> None:
        forget(self.home, self.name)


def record(home: Home, name: str, pid: int, *, told: str) -> None:
    """Write down a running child, so that another command can end it if we are killed."""
    (home.children / f"{name}.json").write_text(json.dumps({"pid": pid, "told": told}))


def forget(home: Home, name: str) -> None:
    """Cross out a child that ended."""
    (home.children / f"{name}.json").unlink(missing_ok=True)


async def end_left_behind(home: Home) -> list[str]:
    """End the children of a stack that was itself killed, and name them."""
    left = {}
    for entry in sorted(home.children.glob("*.json")):
        with suppress(ValueError, KeyError, OSError):
            facts = json.loads(entry.read_text())
            # A process id is used again: the command line proves that it is still the child.
            if runs(facts["pid"], told=facts["told"]):
                left[entry.stem] = (facts["pid"], facts["told"])
        entry.unlink(missing_ok=True)
    names = sorted(left)
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = {name: one for name, one in left.items() if runs(one[0], told=one[1])}
        for pid, _ in left.values():
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        with suppress(TimeoutError):
            async with asyncio.timeout(LEFT_BEHIND_SECONDS):
                for pid, told in left.values():
                    await until_gone([pid], told=told)
    return names


def http_readiness(client: httpx.AsyncClient, url: str) -> WhyNotReady:
    """Ask an HTTP page that answers 200 when its process is ready."""

    async def why_not() -> str | None:
        try:
            answer = await client.get(url)
        except httpx.HTTPError:
            return f"{url} does not answer"
        if answer.status_code == httpx.codes.OK:
            return None
        return f"{url} says {answer.status_code}: {answer.text.strip()[:300]}"

    return why_not


def _ending(status: int | None) -> str:
    if status is None:
        return "was not started"
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with exit status {status}"
