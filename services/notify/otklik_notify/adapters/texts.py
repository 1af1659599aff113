"""Texts in files: one folder for each language, a plain and an HTML file for each template.

What customers and agents wrote is escaped in HTML and stays as it is in plain text. A fact that a
template names and nobody gave is an error, never a hole in a letter.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import cast

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context
from jinja2.utils import urlize
from markupsafe import Markup

from otklik_notify.adapters import moments
from otklik_notify.domain.commands import Deadline
from otklik_notify.domain.notices import TEMPLATES
from otklik_notify.ports import Rendered
from otklik_runtime.i18n import Catalogue

LOCALES = ("ru", "en")
_EMPTY_LINES = re.compile(r"\n{3,}")
_PARAGRAPH = re.compile(r"\n\s*\n")


class FileTexts:
    """The texts of this package's `templates` folder."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Load every text, so that one that is missing or broken is found at start."""
        self._catalogue = catalogue
        self._environment = Environment(
            loader=PackageLoader("otklik_notify"),
            autoescape=select_autoescape(enabled_extensions=("html",), default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(moment=_moment, last_day=_last_day, paragraphs=_paragraphs)
        for template in TEMPLATES:
            for locale in LOCALES:
                for extension in ("txt", "html"):
                    self._environment.get_template(f"{locale}/{template.key}.{extension}")
                catalogue.translate(locale, f"subject.{template.key}", number="", subject="")

    def render(self, key: str, locale: str, facts: Mapping[str, object]) -> Rendered:
        """Write out one text."""
        known = {**facts, "locale": locale}
        text = self._environment.get_template(f"{locale}/{key}.txt").render(known)
        subject = facts["subject"] or self._catalogue.translate(locale, "subject.nothing")
        return Rendered(
            subject=self._catalogue.translate(
                locale, f"subject.{key}", number=facts["number"], subject=subject
            ),
            text=_EMPTY_LINES.sub("\n\n", text).strip() + "\n",
            html=self._environment.get_template(f"{locale}/{key}.html").render(known),
        )


@pass_context
def _moment(context: Context, deadline: Deadline) -> str:
    return moments.moment(
        str(context["locale"]),
        deadline.due_at,
        deadline.time_zone,
        now=cast(datetime, context["now"]),
    )


@pass_context
def _last_day(context: Context, expires_at: datetime) -> str:
    return moments.last_day(str(context["locale"]), expires_at)


def _paragraphs(text: str) -> Markup:
    """Make paragraphs of a person's text; everything in it is escaped, addresses become links."""
    paragraphs = (
        # urlize escapes what it is given.
        urlize(paragraph.strip(), rel="noopener noreferrer nofollow").replace("\n", "<br>\n")
        for paragraph in _PARAGRAPH.split(text.replace("\r\n", "\n"))
        if paragraph.strip()
    )
    return Markup("\n").join(Markup("<p>{}</p>").format(Markup(each)) for each in paragraphs)  # noqa: S704 - escaped by urlize
