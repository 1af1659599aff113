"""The HTTP server of a process, and the bare application of those that only answer probes.

`/livez` says that the event loop turns, `/readyz` that every part can work, `/startupz` that every
part could once.
"""

import contextlib
import json
import socket
from collections.abc import Callable, Generator, Mapping
from typing import Any

import uvicorn

from otklik_runtime import health
from otklik_runtime.env import Settings
from otklik_runtime.errors import CannotStart
from otklik_runtime.http_edge import App, Edge, Receive, Scope, Send

PROBES = ("/livez", "/readyz", "/startupz")
_OK = 200
_NOT_FOUND = 404
_UNAVAILABLE = 503
_BACKLOG = 2048


def probe(path: str, state: health.Health) -> tuple[int, dict[str, str]]:
    """Answer a probe: status and document."""
    if path == "/readyz":
        reason = state.why_not_ready()
    elif path == "/startupz":
        reason = None if state.started else state.why_not_ready()
    else:
        reason = None
    if reason is None:
        return _OK, {"status": "ok"}
    return _UNAVAILABLE, {"status": "not ready", "reason": reason}


def probe_app(documents: Mapping[str, Callable[[], Any]] | None = None) -> App:
    """Make an application that answers probes and gives some public JSON documents; no framework.

    Args:
        documents: path -> what makes the document, such as `/.well-known/jwks.json`.
    """
    state = health.current()
    published = documents or {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - ASGI
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path in PROBES:
            status, document = probe(path, state)
        elif path in published:
            status, document = _OK, published[path]()
        else:
            status, document = _NOT_FOUND, {"status": "there is nothing here"}
        body = json.dumps(document, ensure_ascii=False).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send(
            {"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""}
        )

    return Edge(app)


class HttpServer:
    """Serves an ASGI application; an Entrypoint."""

    name = "http"

    def __init__(self, app: Any, settings: Settings) -> None:
        self._settings = settings
        self._server = _Server(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                backlog=_BACKLOG,
                timeout_keep_alive=75,
                # Less than the process allows, so that it ends by itself.
                timeout_graceful_shutdown=max(1, int(0.8 * settings.drain_seconds)),
            ),
        )
        self._socket = _listen(settings)

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._socket.getsockname()[1]
        return port

    async def run(self) -> None:
        """Serve until drained."""
        await self._server.serve(sockets=[self._socket])

    async def drain(self) -> None:
        """Take no new connection, finish the requests that are on their way."""
        self._server.should_exit = True

    def ready(self) -> str | None:
        """Say whether it listens."""
        return None if self._server.started else "does not listen yet"


class _Server(uvicorn.Server):
    """The server without its own signal handling: the process has one already."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave the signals alone."""
        yield


def _listen(settings: Settings) -> socket.socket:
    """Take the port now, so that a taken one is told before anything else starts."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.http_port))
        # Whoever connects before the server runs waits instead of being refused.
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotStart(
            f"HTTP cannot listen on {settings.host}:{settings.http_port} ({error.strerror}): stop "
            f"what uses the port, or set {settings.variable('http_port')}",
        ) from error
    return listener
