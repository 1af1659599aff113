"""What is shown when something is wrong: a page with a way out, or the way to sign in."""

from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from otklik_desk.entrypoints.http_sign_in import SIGN_IN
from otklik_desk.entrypoints.pages import Pages
from otklik_desk.entrypoints.sessions import Sessions
from otklik_runtime.http_problems import Problem

_FOR_PROGRAMS = ("/static/", "/livez", "/readyz", "/startupz")
_FOR_CUSTOMERS = ("/my/", "/c/")


class ProblemPages:
    """Shows problems to people."""

    def __init__(self, *, pages: Pages, sessions: Sessions) -> None:
        self._pages = pages
        self._sessions = sessions

    async def show(self, request: Request, problem: Problem) -> Response | None:
        """Show a problem; None for programs, which get the document."""
        path = request.url.path
        accepts = request.headers.get("accept", "*/*")
        if path.startswith(_FOR_PROGRAMS) or not ("text/html" in accepts or "*/*" in accepts):
            return None
        if path.startswith(_FOR_CUSTOMERS):
            return self._for_customer(request, problem)
        if problem.status == HTTPStatus.UNAUTHORIZED:
            return self._signed_out(request, problem)
        return self._pages.problem(request, problem)

    def _signed_out(self, request: Request, problem: Problem) -> Response:
        self._sessions.forget(request)
        if problem.code == "sign_in_failed":
            reason = problem.facts.get("reason", "refused")
            return self._pages.problem(request, problem, text=f"sign_in.{reason}")
        # A page that only refreshes itself must not be led away under somebody's hands.
        if request.method != "GET" or "hx-request" in request.headers:
            return self._pages.problem(request, problem, text="signed_out")
        asked = f"{request.url.path}?{request.url.query}".rstrip("?")
        return RedirectResponse(f"{SIGN_IN}?{urlencode({'to': asked})}", HTTPStatus.SEE_OTHER)

    def _for_customer(self, request: Request, problem: Problem) -> Response:
        """Say the same of what is not there and of what belongs to somebody else."""
        if problem.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            self._sessions.forget(request)
        if problem.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            problem = Problem(status=404, code="request_not_found", detail=problem.detail)
        return self._pages.problem(request, problem)
