"""The HTTP application of services that have one: FastAPI with the house's answers.

Probes, errors as RFC 9457 documents, security headers, limits and telemetry are here; a service
adds its routes. Who has nothing but probes to answer takes `http_server.probe_app` instead.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import JSONResponse

from otklik_runtime import health, http_problems
from otklik_runtime.env import Settings
from otklik_runtime.errors import OtklikError
from otklik_runtime.http_edge import HSTS, MAX_BODY_BYTES, SECURITY_HEADERS, Edge
from otklik_runtime.http_problems import Problem
from otklik_runtime.http_server import PROBES, HttpServer, probe

__all__ = ["HttpServer", "Problem", "http_app"]

# Shows a problem to a person instead of a program; None leaves it to the document.
Page = Callable[[Request, Problem], Awaitable[Response | None]]
Tell = Callable[[Request, Problem], Awaitable[Response]]


def http_app(
    settings: Settings,
    title: str,
    *,
    content_security_policy: str = "",
    max_body_bytes: int = MAX_BODY_BYTES,
    page: Page | None = None,
    publish_schema: bool = False,
) -> FastAPI:
    """Make the application.

    Args:
        settings: The service's settings.
        title: What it is called.
        content_security_policy: What its pages may load; nothing unless said.
        max_body_bytes: The largest request taken.
        page: Makes a page of a problem, for those who browse.
        publish_schema: Whether `/openapi.json` and `/docs` are there.
    """
    app = FastAPI(
        title=title,
        openapi_url="/openapi.json" if publish_schema else None,
        docs_url="/docs" if publish_schema else None,
        redoc_url=None,
    )
    headers = dict(SECURITY_HEADERS)
    if content_security_policy:
        headers["content-security-policy"] = content_security_policy
    if settings.public_url.startswith("https://"):
        headers["strict-transport-security"] = HSTS
    tell = _teller(page)
    app.add_middleware(
        Edge,
        headers=headers,
        max_body_bytes=max_body_bytes,
        tell=lambda scope, problem: tell(Request(scope), problem),
    )
    _answer_probes(app)
    _answer_errors(app, tell)
    return app


def _teller(page: Page | None) -> Tell:
    """Tell a problem as a page where there is one for it, else as a document."""

    async def tell(request: Request, problem: Problem) -> Response:
        shown = await page(request, problem) if page is not None else None
        if shown is not None:
            return shown
        return JSONResponse(problem.document(), problem.status, problem.headers())

    return tell


def _answer_probes(app: FastAPI) -> None:
    state = health.current()

    async def answer(request: Request) -> Response:
        status, document = probe(request.url.path, state)
        return JSONResponse(document, status)

    for path in PROBES:
        app.add_api_route(path, answer, methods=["GET", "HEAD"], include_in_schema=False)


def _answer_errors(app: FastAPI, tell: Tell) -> None:
    async def on_known(request: Request, error: Exception) -> Response:
        known = error if isinstance(error, OtklikError) else OtklikError("internal", "")
        return await tell(request, http_problems.of_error(known))

    async def on_input(request: Request, error: Exception) -> Response:
        faults = error.errors() if isinstance(error, RequestValidationError) else []
        return await tell(request, _of_input(faults))

    async def on_http(request: Request, error: Exception) -> Response:
        refused = error if isinstance(error, StarletteHTTPException) else None
        status = refused.status_code if refused else HTTPStatus.INTERNAL_SERVER_ERROR
        problem = http_problems.of_status(status, refused.detail if refused else "")
        answer = await tell(request, problem)
        answer.headers.update((refused.headers if refused else None) or {})
        return answer

    app.add_exception_handler(OtklikError, on_known)
    app.add_exception_handler(RequestValidationError, on_input)
    app.add_exception_handler(StarletteHTTPException, on_http)


def _of_input(faults: Any) -> Problem:
    """Name each field at fault and its rule, without what was sent."""
    found: list[tuple[str, str]] = []
    for fault in faults:
        location = tuple(fault.get("loc", ()))
        # The first part says body, query or path; the rest is the field.
        found.append((".".join(str(part) for part in location[1:]), str(fault.get("msg", ""))))
    return Problem(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        code="request_invalid",
        detail="the request is not as it should be: correct the fields that are named",
        violations=tuple(found),
    )
