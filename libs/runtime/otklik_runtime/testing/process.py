"""One real server as a child process: start it, wait until it is ready, stop it, kill it.

Both launchers (`postgres`, `nats`) are made of this. It waits by polling instead of using asyncio's
own child handling, so that a server started on one event loop can be stopped on another: a test
session has many loops.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

POLL_SECONDS = 0.01
LOG_TAIL_BYTES = 8192
SMALLEST_USEFUL_BYTES = 128 * 1024 * 1024


class ServerDidNotStart(RuntimeError):
    """A server could not be started; the message says why and what to do about it."""


class PortBusy(ServerDidNotStart):
    """Another program listens where the server was asked to listen."""


class DiskFull(ServerDidNotStart):
    """There is no room for the server's files."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """The operating-system account a server runs as, when it is not ours."""

    uid: int
    gid: int


@dataclass(kw_only=True)
class ServerProcess:
    """A child process with its log in a file and a sentence for every way it fails to start."""

    name: str
    directory: Path
    log: Path
    account: Account | None = None
    _child: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        if self._child is None or self._child.poll() is not None:
            return None
        return self._child.pid

    def spawn(self, command: Sequence[str | Path]) -> None:
        """Start the process without waiting for it to be ready.

        It gets a session of its own: Ctrl-C in a terminal must not reach it before its clients end.
        """
        with self.log.open("wb") as log:
            self._child = subprocess.Popen(
                [os.fspath(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                start_new_session=True,
                user=self.account.uid if self.account else None,
                group=self.account.gid if self.account else None,
                extra_groups=[] if self.account else None,
            )

    async def wait_ready(self, is_ready: Callable[[], bool], *, port: int, seconds: float) -> None:
        """Return when the server says it is ready; raise the reason if it ends or is too slow."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            if self.pid is None:
                raise self.why_not(port)
            if time.monotonic() > deadline:
                await self.kill()
                raise ServerDidNotStart(
                    f"{self.name} was not ready after {seconds:.0f} s; its log is {self.log}",
                )
            await asyncio.sleep(POLL_SECONDS)

    async def end(self, number: signal.Signals, *, seconds: float) -> bool:
        """Send a signal and wait for the end; false if the process outlives the wait."""
        child = self._child
        if child is None:
            return True
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)
        deadline = time.monotonic() + seconds
        while child.poll() is None:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(POLL_SECONDS)
        self._child = None
        return True

    async def kill(self) -> None:
        """End the process without giving it a chance to tidy up."""
        await self.end(signal.SIGKILL, seconds=10)

    def why_not(self, port: int) -> ServerDidNotStart:
        """Turn the end of the log into the sentence a person needs."""
        return why_not(self.name, log_tail(self.log), port=port, directory=self.directory)


def why_not(name: str, output: str, *, port: int, directory: Path) -> ServerDidNotStart:
    """Turn what a server printed before it gave up into the sentence a person needs."""
    if "ddress already in use" in output:
        return PortBusy(
            f"port {port} is taken, so {name} cannot listen there: stop the program that has it, "
            f"or choose other ports with OTKLIK_PORT_BASE",
        )
    if "no space left on device" in output.lower():
        return disk_full(name, directory)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    said = " / ".join(lines[-3:]) or "it said nothing"
    return ServerDidNotStart(f"{name} did not start in {directory}: {said}")


def disk_full(name: str, directory: Path) -> DiskFull:
    """Say that there is no room for a server, and where."""
    free = shutil.disk_usage(directory).free // (1024 * 1024)
    return DiskFull(
        f"the disk that holds {directory} is full ({free} MB free), so {name} cannot start: "
        f"free at least {SMALLEST_USEFUL_BYTES // (1024 * 1024)} MB there and try again",
    )


def require_room(name: str, directory: Path) -> None:
    """Refuse before half a database is written where there is no room for one."""
    if shutil.disk_usage(directory).free < SMALLEST_USEFUL_BYTES:
        raise disk_full(name, directory)


def require_free_port(name: str, port: int) -> None:
    """Refuse a taken port before the server is launched, whatever its own message would be."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as reason:
            raise why_not(
                name, "address already in use", port=port, directory=Path.cwd()
            ) from reason


def free_port() -> int:
    """Find a TCP port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def log_tail(log: Path) -> str:
    """Read the end of a log file, or nothing if there is none."""
    try:
        return log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")
    except FileNotFoundError:
        return ""


def runs(pid: int, *, told: str) -> bool:
    """Tell whether this process runs and was told this on its command line.

    Process ids are used again, so the id in a left-behind file proves nothing; and a process that
    ended but was not collected by its parent has an empty command line.
    """
    if not Path("/proc/self").exists():  # pragma: no cover - no /proc on macOS
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True
    try:
        return os.fsencode(told) in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


async def until_gone(pids: Iterable[int], *, told: str) -> None:
    """Return when none of these processes runs any more."""
    while any(runs(pid, told=told) for pid in pids):
        await asyncio.sleep(POLL_SECONDS)


def children_of(pid: int) -> list[int]:
    """List the direct children of a process, the way this system offers it."""
    proc = Path("/proc")
    if not (proc / "self/stat").exists():
        found = subprocess.run(  # pragma: no cover - no /proc on macOS
            ["pgrep", "-P", str(pid)],  # noqa: S607 - a system tool, looked up where the system keeps it
            capture_output=True,
            check=False,
        )
        return [int(line) for line in found.stdout.split()]
    children = []
    for entry in proc.glob("[0-9]*/stat"):
        # A process may end while we look; the name in parentheses may hold spaces and parentheses.
        with contextlib.suppress(OSError):
            parent = entry.read_text(errors="replace").rpartition(")")[2].split()[1]
            if int(parent) == pid:
                children.append(int(entry.parent.name))
    return children
