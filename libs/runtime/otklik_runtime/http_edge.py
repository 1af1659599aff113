"""Around every HTTP request: its span, its duration, its size limit, its headers, its last resort.

Plain ASGI, so that it wraps a FastAPI application and the bare probes alike. This is the HTTP edge
of the process: what nobody foresaw is caught, logged with its stack and told as a fault of ours.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from time import perf_counter
from typing import Any

from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from otklik_runtime import http_problems, telemetry

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
# Makes the answer that tells a problem.
Tell = Callable[[Scope, http_problems.Problem], Awaitable[App]]

MAX_BODY_BYTES = 1024 * 1024
_SERVER_FAULT = 500

_LOG = logging.getLogger(__name__)

SECURITY_HEADERS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": (
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
}
HSTS = "max-age=31536000; includeSubDomains"


class _BodyTooLarge(Exception):
    """The client sends more than it may."""


class Edge:
    """The outermost layer of an HTTP application."""

    def __init__(
        self,
        app: App,
        *,
        headers: Mapping[str, str] | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        tell: Tell | None = None,
        silent: frozenset[str] = frozenset({"/livez", "/readyz", "/startupz"}),
    ) -> None:
        """Wrap an application.

        Args:
            app: The application.
            headers: Headers of every answer that does not set them itself.
            max_body_bytes: The largest body taken; larger ones are refused with 413.
            tell: How a problem is told; as a document unless given.
            silent: Paths without span and metric: probes would drown everything else.
        """
        self._app = app
        given = SECURITY_HEADERS if headers is None else headers
        self._headers = [(name.encode(), value.encode()) for name, value in given.items()]
        self._max_body_bytes = max_body_bytes
        self._tell = tell or _as_document
        self._silent = silent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection or request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] in self._silent:
            await self._guarded(_Exchange(scope, receive, send, self._headers))
        else:
            await self._traced(_Exchange(scope, receive, send, self._headers))

    async def _traced(self, exchange: "_Exchange") -> None:
        started = perf_counter()
        method = exchange.scope["method"]
        # A caller from outside does not decide what we trace: the trace begins here.
        with telemetry.tracer.start_as_current_span(method, kind=SpanKind.SERVER) as span:
            await self._guarded(exchange)
            attributes: dict[str, str | int] = {
                "http.request.method": method,
                "url.scheme": exchange.scope.get("scheme", "http"),
                "http.response.status_code": exchange.status,
            }
            # The route, never the path: a path may hold a token.
            route = getattr(exchange.scope.get("route"), "path", None)
            if isinstance(route, str):
                attributes["http.route"] = route
                span.update_name(f"{method} {route}")
            _finish(span, exchange.status, attributes)
        telemetry.duration("http.server.request.duration", perf_counter() - started, **attributes)

    async def _guarded(self, exchange: "_Exchange") -> None:
        try:
            exchange.refuse_announced(self._max_body_bytes)
            await self._app(exchange.scope, exchange.limited(self._max_body_bytes), exchange.send)
        except _BodyTooLarge:
            limit = self._max_body_bytes
            detail = f"the request is larger than {limit} bytes: send less, or files one by one"
            problem = http_problems.Problem(status=413, code="request_too_large", detail=detail)
        except Exception:  # noqa: BLE001 - this is the edge
            _LOG.exception("a request failed", extra={"http_method": exchange.scope["method"]})
            problem = http_problems.of_fault()
        else:
            return
        if not exchange.status:
            exchange.too_large = False
            answer = await self._tell(exchange.scope, problem)
            await answer(exchange.scope, exchange.receive, exchange.send)


class _Exchange:
    """One request and its answer."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        headers: list[tuple[bytes, bytes]],
    ) -> None:
        self.scope = scope
        self.status = 0
        self.too_large = False
        self.receive = receive
        self._send = send
        self._headers = headers

    def refuse_announced(self, limit: int) -> None:
        for name, value in self.scope["headers"]:
            if name == b"content-length" and (not value.isdigit() or int(value) > limit):
                raise _BodyTooLarge

    def limited(self, limit: int) -> Receive:
        taken = 0

        async def receive() -> Message:
            nonlocal taken
            message = await self.receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                self.too_large = True
                raise _BodyTooLarge
            return message

        return receive

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self.too_large:
                # A framework made an answer of its own out of the refusal.
                raise _BodyTooLarge
            self.status = message["status"]
            said = {name.lower() for name, _ in message.get("headers", [])}
            message["headers"] = [
                *message.get("headers", []),
                *((name, value) for name, value in self._headers if name not in said),
            ]
        await self._send(message)


async def _as_document(scope: Scope, problem: http_problems.Problem) -> App:  # noqa: ARG001 - Tell
    """Tell a problem as a document of RFC 9457."""
    headers = [(name.encode(), value.encode()) for name, value in problem.headers().items()]
    body = json.dumps(problem.document(), ensure_ascii=False).encode()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - ASGI
        await send({"type": "http.response.start", "status": problem.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


def _finish(span: Span, status: int, attributes: dict[str, str | int]) -> None:
    if status >= _SERVER_FAULT or not status:
        attributes["error.type"] = str(status or "disconnected")
        span.set_status(Status(StatusCode.ERROR))
    span.set_attributes(attributes)
