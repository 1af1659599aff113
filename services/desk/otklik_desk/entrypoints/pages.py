"""Makes pages: the reader's language and zone, the templates, the policy of what may run.

Nothing inline and nothing of others runs on a page: scripts carry the nonce of their answer, and
only htmx may turn text into elements, after `hx-csp` has checked that the text is ours.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from otklik_desk.domain import clocks, people
from otklik_desk.domain.people import Admission
from otklik_desk.entrypoints.http_static import StaticFiles
from otklik_desk.entrypoints.speech import Speech
from otklik_runtime.http_problems import Problem
from otklik_runtime.i18n import LOCALES, Catalogue, locale_of

_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types htmx"
)
LANGUAGE_COOKIE = "otklik-language"
ZONE_COOKIE = "otklik-zone"
_YEAR_SECONDS = 365 * 24 * 3600
_LONGEST_ZONE = 64


class Pages:
    """The pages of the desk."""

    def __init__(
        self,
        texts: Catalogue,
        static: StaticFiles,
        *,
        zone: ZoneInfo,
        now: Callable[[], datetime],
        secure: bool,
    ) -> None:
        """Read the templates.

        Args:
            texts: What people read.
            static: The files that pages need.
            zone: The zone of readers of whom no zone is known.
            now: Tells the time.
            secure: Whether cookies travel over TLS only.
        """
        self._texts = texts
        self._static = static
        self._zone = zone
        self._now = now
        self._secure = secure
        self._templates = Environment(
            loader=PackageLoader("otklik_desk"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.globals |= {
            "signal": clocks.signal,
            "pressing": clocks.pressing,
            "short_name": people.short_name,
            "asset": static.address,
        }

    def speech(
        self, request: Request, person: Admission | None = None, *, zones: Iterable[str] = ()
    ) -> Speech:
        """Say how to speak to whoever asks.

        Args:
            request: What is asked.
            person: Who asks, if known.
            zones: The zones of the calendars on the page, for a reader whose own is not known.
        """
        own = _zone_named(request.cookies.get(ZONE_COOKIE, ""))
        calendars = (zone for name in zones if (zone := _zone_named(name)) is not None)
        return Speech(
            texts=self._texts,
            locale=_locale_of(request, person),
            zone=own or next(calendars, self._zone),
            zone_is_theirs=own is not None,
            now=self._now(),
        )

    def page(
        self,
        request: Request,
        template: str,
        *,
        say: Speech | None = None,
        person: Admission | None = None,
        status: int = 200,
        here: str = "",
        **facts: object,
    ) -> Response:
        """Make a page.

        Args:
            request: What was asked.
            template: The file of the page.
            say: How to speak to the reader.
            person: Who reads it, if known.
            status: The status of the answer.
            here: The page's own address, where that is not what was asked.
            **facts: What the page shows.
        """
        speech = say or self.speech(request, person)
        nonce = secrets.token_urlsafe(18)
        html = self._templates.get_template(template).render(
            say=speech,
            locale=speech.locale,
            languages=_languages(request, here),
            nonce=nonce,
            person=person,
            done=request.query_params.get("done", ""),
            **facts,
        )
        answer = Response(html, status, media_type="text/html")
        answer.headers["content-security-policy"] = _POLICY.format(nonce=nonce)
        answer.headers["content-language"] = speech.locale
        answer.headers["vary"] = "cookie, accept-language"
        self._keep_language(request, answer)
        return answer

    def problem(self, request: Request, problem: Problem, *, text: str = "") -> Response:
        """Make the page of something that is wrong; `text` names it in the catalogue."""
        key = text or (problem.code if self._texts.has(f"problem.{problem.code}.title") else "")
        answer = self.page(
            request,
            "problem.html",
            status=problem.status,
            here="/",
            key=f"problem.{key or _kind_of(problem.status)}",
            # Whoever may not enter can only come as somebody else.
            as_another=problem.status == HTTPStatus.FORBIDDEN,
        )
        if problem.retry_after_seconds is not None:
            answer.headers["retry-after"] = str(problem.retry_after_seconds)
        return answer

    def _keep_language(self, request: Request, answer: Response) -> None:
        asked = request.query_params.get("lang", "")
        if asked in LOCALES:
            answer.set_cookie(
                LANGUAGE_COOKIE,
                asked,
                max_age=_YEAR_SECONDS,
                secure=self._secure,
                httponly=True,
                samesite="lax",
            )


def _kind_of(status: int) -> str:
    kinds: Mapping[int, str] = {
        403: "forbidden",
        404: "not_found",
        405: "not_found",
        413: "too_large",
        429: "unavailable",
        503: "unavailable",
    }
    return kinds.get(status, "other")


def _locale_of(request: Request, person: Admission | None) -> str:
    """Give the language: asked for, kept, the person's own, or the browser's."""
    for wanted in (
        request.query_params.get("lang", ""),
        request.cookies.get(LANGUAGE_COOKIE, ""),
        person.locale if person is not None else "",
    ):
        if wanted in LOCALES:
            return wanted
    return locale_of(request.headers.get("accept-language", ""))


def _languages(request: Request, here: str) -> Mapping[str, str]:
    """Give the address of this page in each language."""
    path = here or request.url.path
    kept = {} if here else dict(request.query_params)
    kept.pop("done", None)
    return {locale: f"{path}?{urlencode({**kept, 'lang': locale})}" for locale in LOCALES}


def _zone_named(name: str) -> ZoneInfo | None:
    """Find a zone by a name that anybody may have written."""
    if not name or len(name) > _LONGEST_ZONE:
        return None
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None
