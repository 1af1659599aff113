"""Renders a page: the shared frame, the tool's own template, the reader's language.

Autoescape is always on and an undefined name is an error: what these pages show is written by
strangers.
"""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tools.pages import formats
from tools.pages.language import Catalogue, Language, Phrase, Speech, language_of

_FRAME: Catalogue = {
    "skip": Phrase(en="Skip to the content", ru="К содержанию"),
    "languages": Phrase(en="Language", ru="Язык"),
    "nothing_here": Phrase(en="Nothing is kept under this address.", ru="По этому адресу пусто."),
    "back": Phrase(en="Back to the list", ru="Вернуться к списку"),
}


class Pages:
    """The pages of one tool: a folder of templates and a catalogue of phrases."""

    def __init__(self, *, templates: Path, catalogue: Catalogue) -> None:
        """Load templates from the tool's folder first, then from the shared frame."""
        shared = Path(__file__).parent / "templates"
        self._catalogue: Catalogue = {**_FRAME, **catalogue}
        self._environment = Environment(
            loader=FileSystemLoader([templates, shared]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["with_language"] = _with_language

    def render(
        self, request: Request, template: str, *, status: int = 200, **facts: object
    ) -> HTMLResponse:
        """Render a template for this reader; every link keeps the language they chose."""
        language = language_of(request)
        html = self._environment.get_template(template).render(
            say=Speech(self._catalogue, language),
            language=language,
            link=_linker(request),
            here={"path": request.url.path, "query": dict(request.query_params)},
            duration=lambda ns: formats.duration(ns, language),
            size=lambda octets: formats.size(octets, language),
            rfc3339=formats.rfc3339,
            wall_clock=formats.wall_clock,
            wall_day=formats.wall_day,
            **facts,
        )
        return HTMLResponse(
            html,
            status_code=status,
            headers={"content-language": language, "vary": "accept-language"},
        )

    def missing(self, request: Request) -> HTMLResponse:
        """Say that nothing is kept under this address."""
        return self.render(request, "missing.html", status=404)

    def speech(self, language: Language) -> Speech:
        """Return this tool's phrases in one language, for what is not a page."""
        return Speech(self._catalogue, language)


def problem(status: int, title: str, detail: str) -> Response:
    """Answer a program with an RFC 9457 problem."""
    return JSONResponse(
        {"status": status, "title": title, "detail": detail},
        status_code=status,
        media_type="application/problem+json",
    )


def _linker(request: Request) -> Callable[..., str]:
    chosen = request.query_params.get("lang")

    def link(path: str, /, **query: object) -> str:
        if chosen is not None:
            query.setdefault("lang", chosen)
        kept = {name: value for name, value in query.items() if value not in (None, "", False)}
        return f"{path}?{urlencode(kept)}" if kept else path

    return link


def _with_language(query: dict[str, str], language: Language) -> dict[str, str]:
    return query | {"lang": language}
