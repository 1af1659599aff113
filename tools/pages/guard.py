"""The guard of every development page: loopback names only, and a policy that runs no script.

The pages show sign-in links and letters, so a foreign web page must not reach them: an unknown
`Host` is refused (DNS rebinding), nothing may frame them, and nothing on them can be executed.
"""

from pathlib import Path

from fastapi import FastAPI
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": PAGE_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class SecurityHeaders:
    """Adds the policy to every answer that has not stated a stricter one of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and complete the headers of its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_guarded)


def guarded_app(static: Path) -> FastAPI:
    """Make an application with the guard on, its own styles, and the look all pages share."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(LOOPBACK_NAMES))
    # Added last, so it is the outermost: a refused host gets the headers too.
    app.add_middleware(SecurityHeaders)
    app.mount("/look", StaticFiles(directory=Path(__file__).parent / "static"))
    app.mount("/static", StaticFiles(directory=static))

    @app.get("/livez")
    @app.get("/readyz")
    async def alive() -> dict[str, str]:
        return {"status": "ok"}

    return app
