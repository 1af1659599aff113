"""The rating page as HTML: rendered here, in the customer's language, without any script."""

from dataclasses import dataclass
from importlib.resources import files

from fastapi import Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from otklik_feedback.domain import MAX_COMMENT_CHARACTERS, SCORES, Survey
from otklik_runtime.i18n import Catalogue

STYLESHEET = "/static/rating.css"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What the form is filled with, and what is wrong with it."""

    score: int = 0
    comment: str = ""
    wrong: str = ""


class RatingPages:
    """Makes the pages."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._environment = Environment(
            loader=PackageLoader("otklik_feedback"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self.stylesheet = (files("otklik_feedback") / "static/rating.css").read_text("utf-8")

    def form(self, survey: Survey, draft: Draft, *, status: int = 200) -> Response:
        """Ask, or show again what is wrong with an answer."""
        return self._page(
            "form.html",
            survey.locale,
            status,
            survey=survey,
            draft=draft,
            scores=SCORES,
            most=MAX_COMMENT_CHARACTERS,
        )

    def thanks(self, survey: Survey, *, settled: bool) -> Response:
        """Thank for a rating and show it; it can be changed until it is settled."""
        return self._page("thanks.html", survey.locale, 200, survey=survey, settled=settled)

    def problem(self, locale: str, kind: str, *, status: int) -> Response:
        """Say what is wrong, and what to do instead."""
        known = kind if self._catalogue.has(f"problem.{kind}.title") else "unforeseen"
        return self._page("problem.html", locale, status, kind=known)

    def _page(self, name: str, locale: str, status: int, **facts: object) -> Response:
        def say(key: str, **values: object) -> str:
            return self._catalogue.translate(locale, key, **values)

        template = self._environment.get_template(name)
        html = template.render(facts, say=say, locale=locale, stylesheet=STYLESHEET)
        # Nobody may find a person's rating page by a search.
        return HTMLResponse(html, status, headers={"x-robots-tag": "noindex, nofollow"})
