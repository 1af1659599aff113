"""Serves a page application on loopback inside the loop that is already running.

Signals stay with whoever runs the loop (a test, a tool's `__main__`): uvicorn takes none.
"""

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

LOOPBACK = "127.0.0.1"
_BACKLOG = 256


class PortBusy(OSError):
    """The port a tool was told to use is held by another process."""

    def __init__(self, port: int) -> None:
        """Say which port, and what to do about it."""
        super().__init__(
            f"port {port} on {LOOPBACK} is in use: stop the process that holds it, "
            "or choose another port"
        )
        self.port = port


def loopback_socket(port: int) -> socket.socket:
    """Bind a listening socket on loopback; port 0 takes any free one.

    Raises:
        PortBusy: another process listens there.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # A restart right after a stop must not wait for the old connections' TIME_WAIT.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError as error:
        listener.close()
        raise PortBusy(port) from error
    listener.listen(_BACKLOG)
    listener.settimeout(0)
    return listener


class _Server(uvicorn.Server):
    """Uvicorn that leaves signals alone and tells when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.serving.set()


class PageServer:
    """One application on one loopback port."""

    def __init__(self, app: ASGIApp) -> None:
        """Prepare to serve; nothing is opened yet."""
        self._app = app
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None
        self.port = 0

    @property
    def address(self) -> str:
        """The address to open in a browser."""
        return f"http://{LOOPBACK}:{self.port}"

    async def start(self, port: int = 0) -> None:
        """Bind and serve; returns when requests are answered.

        Raises:
            PortBusy: another process listens there.
        """
        listener = loopback_socket(port)
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve([listener]), name="page-server")
        await self._server.serving.wait()

    async def stop(self) -> None:
        """Stop answering and give the port back."""
        if self._server is None or self._task is None:
            return
        self._server.should_exit = True
        await self._task
        self._server = self._task = None


async def until_told_to_stop() -> None:
    """Return at SIGINT or SIGTERM, so that the caller closes what it opened in order."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    await told.wait()
