"""The pages of the form: templates, texts and the stylesheet, read once at the start."""

import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from otklik_intake.domain.accounts import ChannelAccount
from otklik_intake.domain.service import Service
from otklik_runtime.http_problems import Problem
from otklik_runtime.i18n import Catalogue, locale_of

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
FORM_PATH = "/form"
THANKS_PATH = "/form/thanks"
FIELDS = ("name", "email", "service", "subject", "text")
_TEXT_OF_PROBLEM = {
    "channel_account_not_found": "not_set_up",
    "not_found": "not_found",
    "request_too_large": "too_large",
    "database_unavailable": "unavailable",
    "storage_unavailable": "unavailable",
}


class FormPages:
    """Makes the pages."""

    def __init__(self, texts: Catalogue, *, max_bytes: int) -> None:
        self._texts = texts
        self._megabytes = max_bytes // (1024 * 1024)
        self._templates = Environment(
            loader=PackageLoader("otklik_intake"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._stylesheet = (files("otklik_intake") / "static" / "form.css").read_bytes()
        # Its own digest is in its address: it can be kept for ever, and a new one is another.
        digest = hashlib.sha256(self._stylesheet).hexdigest()[:12]
        self.stylesheet_path = f"/form/form.{digest}.css"

    def stylesheet(self) -> Response:
        """Give the stylesheet."""
        headers = {"cache-control": "public, max-age=31536000, immutable"}
        return Response(self._stylesheet, media_type="text/css", headers=headers)

    def form(
        self,
        request: Request,
        *,
        account: ChannelAccount,
        services: Sequence[Service],
        request_id: str,
        values: Mapping[str, str] | None = None,
        errors: Mapping[str, str] | None = None,
        summary: str = "",
        files_again: bool = False,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Show the form, filled in as far as somebody came; `errors` is field -> text."""
        given = values or {}
        locale = locale_asked(request)
        return self._page(
            request,
            "form.html",
            status=status,
            headers=headers,
            organisation=account.display_name[locale],
            account=account.name,
            services=services,
            request_id=request_id,
            values={name: given.get(name, "") for name in FIELDS},
            errors=errors or {},
            summary=summary,
            files_again=files_again,
            megabytes=self._megabytes,
        )

    def thanks(self, request: Request, *, organisation: str) -> Response:
        """Say that the message has arrived."""
        return self._page(request, "thanks.html", organisation=organisation)

    async def problem(self, request: Request, problem: Problem) -> Response | None:
        """Show a problem to somebody who browses; None for a program, which gets the document."""
        if not request.url.path.startswith(FORM_PATH):
            return None
        key = f"problem.{_TEXT_OF_PROBLEM.get(problem.code, 'unexpected')}"
        facts = {"megabytes": self._megabytes} if key == "problem.too_large" else {}
        headers = {
            name: value for name, value in problem.headers().items() if name == "retry-after"
        }
        return self._page(
            request,
            "problem.html",
            status=problem.status,
            headers=headers,
            organisation="",
            text=self.say(request, key, **facts),
        )

    def say(self, request: Request, key: str, **facts: Any) -> str:
        """Give a text in the reader's language."""
        return self._texts.translate(locale_asked(request), key, **facts)

    def _page(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **facts: Any,
    ) -> Response:
        locale = locale_asked(request)
        html = self._templates.get_template(template).render(
            locale=locale,
            other_locale="en" if locale == "ru" else "ru",
            here=THANKS_PATH if request.url.path == THANKS_PATH else FORM_PATH,
            stylesheet=self.stylesheet_path,
            say=lambda key, **given: self._texts.translate(locale, key, **given),
            **facts,
        )
        said = {"vary": "accept-language", "content-language": locale, **(headers or {})}
        return Response(html, status, said, media_type="text/html")


def locale_asked(request: Request) -> str:
    """Give the language of `?lang=`, else that of the browser."""
    return locale_of(request.query_params.get("lang") or request.headers.get("accept-language", ""))
