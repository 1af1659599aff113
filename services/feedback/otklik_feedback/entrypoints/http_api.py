"""The rating page: a link of a mail opens it, and only pressing its button rates.

Mail scanners open every link they see, so opening changes nothing. The token in the address is the
credential: who has it may rate, and a foreign page cannot have it, so a form needs no other guard.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import parse_qs

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from otklik_feedback import handlers
from otklik_feedback.domain import MAX_COMMENT_CHARACTERS, SCORES, RatingGiven, State, Survey
from otklik_feedback.entrypoints import counting
from otklik_feedback.entrypoints.rating_pages import (
    CONTENT_SECURITY_POLICY,
    STYLESHEET,
    Draft,
    RatingPages,
)
from otklik_feedback.ports import Links, UnitOfWork
from otklik_runtime import telemetry
from otklik_runtime.database import Database, Transaction
from otklik_runtime.env import Settings
from otklik_runtime.errors import InvalidInput, RuleBroken
from otklik_runtime.http_app import Problem, http_app
from otklik_runtime.i18n import locale_of

MAX_BODY_BYTES = 64 * 1024
_WORDS = {str(score): score for score in SCORES}
_STATUS: Mapping[str, int] = {
    "rating_link_expired": HTTPStatus.GONE,
    "rating_link_invalid": HTTPStatus.FORBIDDEN,
}


class RatingSite:
    """What the addresses of the rating page do."""

    def __init__(
        self,
        database: Database,
        rating_pages: RatingPages,
        *,
        unit_of: Callable[[Transaction], UnitOfWork],
        links: Links,
    ) -> None:
        self._database = database
        self._pages = rating_pages
        self._unit_of = unit_of
        self._links = links

    async def show(self, token: str, change: str = "") -> Response:
        """Ask for a rating, or thank for the one there is; nothing is rated by looking."""
        survey, settled = await self._look(token)
        if survey.state is State.RATED and (settled or not change):
            return self._pages.thanks(survey, settled=settled)
        return self._pages.form(survey, Draft(score=survey.score, comment=survey.comment))

    async def rate(self, token: str, request: Request) -> Response:
        """Take a rating and lead back to the page, so that reloading it sends nothing again."""
        draft = await _draft(request)
        try:
            given = await self._rated(token, draft)
        except InvalidInput as error:
            survey, _ = await self._look(token)
            wrong = Draft(score=draft.score, comment=draft.comment, wrong=error.code)
            return self._pages.form(survey, wrong, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        except RuleBroken:
            given = None  # the page shows the rating that stands
        counting.rated(given)
        # Relative, so that it holds behind any proxy; the token is url-safe by its making.
        return RedirectResponse(f"/r/{token}", HTTPStatus.SEE_OTHER)

    async def stylesheet(self) -> Response:
        """Give the one file the pages need."""
        return Response(
            self._pages.stylesheet,
            media_type="text/css",
            headers={"cache-control": "public, max-age=3600"},
        )

    async def problem(self, request: Request, found: Problem) -> Response:
        """Say in the reader's language what is wrong."""
        locale = locale_of(request.headers.get("accept-language", ""))
        status = _STATUS.get(found.code, found.status)
        return self._pages.problem(locale, found.code, status=status)

    async def _rated(self, token: str, draft: Draft) -> RatingGiven | None:
        # Under this name the click is shown in the conversation's own trace.
        with telemetry.tracer.start_as_current_span("POST rating"):
            async with self._database.transaction() as transaction:
                _, given = await handlers.rate(
                    self._unit_of(transaction),
                    self._links,
                    token=token,
                    score=draft.score,
                    comment=draft.comment,
                )
        return given

    async def _look(self, token: str) -> tuple[Survey, bool]:
        async with self._database.transaction() as transaction:
            unit = self._unit_of(transaction)
            survey = await handlers.look(unit, self._links, token=token)
            return survey, survey.is_settled(unit.now)


def rating_app(settings: Settings, site: RatingSite) -> FastAPI:
    """Make the application of the rating page."""
    app = http_app(
        settings,
        "Otklik feedback",
        content_security_policy=CONTENT_SECURITY_POLICY,
        max_body_bytes=MAX_BODY_BYTES,
        page=site.problem,
    )
    app.add_api_route("/r/{token}", site.show, methods=["GET", "HEAD"])
    app.add_api_route("/r/{token}", site.rate, methods=["POST"])
    app.add_api_route(STYLESHEET, site.stylesheet, methods=["GET", "HEAD"])
    return app


async def _draft(request: Request) -> Draft:
    """Read the form as a browser sends it; what is not there is empty."""
    body = await request.body()
    # A comment may take nine characters for each of its own, and the limit on bodies holds.
    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=20, errors="replace")
    score = fields.get("score", [""])[-1]
    return Draft(
        score=_WORDS.get(score, 0),
        comment=fields.get("comment", [""])[-1][: MAX_COMMENT_CHARACTERS * 2],
    )
