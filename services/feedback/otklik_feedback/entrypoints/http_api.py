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
from otklik_feedback.domain import MAX_COMMENT_CHARACTERS, State, Survey
from otklik_feedback.entrypoints import counting
from otklik_feedback.entrypoints.rating_pages import (
    CONTENT_SECURITY_POLICY,
    STYLESHEET,
    Draft,
    RatingPages,
)
from otklik_feedback.ports import Links, UnitOfWork
from otklik_runtime.database import Database, Transaction
from otklik_runtime.env import Settings
from otklik_runtime.errors import InvalidInput, RuleBroken
from otklik_runtime.http_app import Problem, http_app
from otklik_runtime.i18n import locale_of

MAX_BODY_BYTES = 64 * 1024
_STATUS: Mapping[str, int] = {
    "rating_link_expired": HTTPStatus.GONE,
    "rating_link_invalid": HTTPStatus.FORBIDDEN,
}


def rating_app(
    settings: Settings,
    database: Database,
    rating_pages: RatingPages,
    *,
    unit_of: Callable[[Transaction], UnitOfWork],
    links: Links,
) -> FastAPI:
    """Make the application of the rating page."""

    async def problem(request: Request, found: Problem) -> Response | None:
        locale = locale_of(request.headers.get("accept-language", ""))
        status = _STATUS.get(found.code, found.status)
        return rating_pages.problem(locale, found.code, status=status)

    app = http_app(
        settings,
        "Otklik feedback",
        content_security_policy=CONTENT_SECURITY_POLICY,
        max_body_bytes=MAX_BODY_BYTES,
        page=problem,
    )

    @app.api_route("/r/{token}", methods=["GET", "HEAD"])
    async def show(token: str, change: str = "") -> Response:
        """Ask for a rating, or thank for the one there is."""
        async with database.transaction() as transaction:
            unit = unit_of(transaction)
            survey = await handlers.look(unit, links, token=token)
            settled = survey.is_settled(unit.now)
        if survey.state is State.RATED and (settled or not change):
            return rating_pages.thanks(survey, settled=settled)
        return rating_pages.form(survey, Draft(score=survey.score, comment=survey.comment))

    @app.post("/r/{token}")
    async def rate(token: str, request: Request) -> Response:
        """Take a rating and lead back to the page, so that reloading it sends nothing again."""
        draft = await _draft(request)
        try:
            async with database.transaction() as transaction:
                survey, given = await handlers.rate(
                    unit_of(transaction),
                    links,
                    token=token,
                    score=draft.score,
                    comment=draft.comment,
                )
        except InvalidInput as error:
            survey = await _survey(token)
            wrong = Draft(score=draft.score, comment=draft.comment, wrong=error.code)
            return rating_pages.form(survey, wrong, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        except RuleBroken:
            # The page shows the rating that stands.
            return _back(token)
        counting.rated(given)
        return _back(token)

    async def _survey(token: str) -> Survey:
        async with database.transaction() as transaction:
            return await handlers.look(unit_of(transaction), links, token=token)

    @app.get(STYLESHEET)
    async def stylesheet() -> Response:
        """Give the one file the pages need."""
        return Response(
            rating_pages.stylesheet,
            media_type="text/css",
            headers={"cache-control": "public, max-age=3600"},
        )

    return app


async def _draft(request: Request) -> Draft:
    """Read the form as a browser sends it; what is not there is empty."""
    body = await request.body()
    # A comment may take nine characters for each of its own, and the limit on bodies holds.
    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=20, errors="replace")
    score = fields.get("score", [""])[-1]
    return Draft(
        score=int(score) if score.isdecimal() and len(score) == 1 else 0,
        comment=fields.get("comment", [""])[-1][: MAX_COMMENT_CHARACTERS * 2],
    )


def _back(token: str) -> Response:
    # Relative, so that it holds behind any proxy; the token is url-safe by its making.
    return RedirectResponse(f"/r/{token}", HTTPStatus.SEE_OTHER)
