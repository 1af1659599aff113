"""Russian and English: which of the two a request wants, and phrases that exist in both.

A phrase that lacks one of the languages cannot be written: both are fields without a default.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from babel import Locale
from babel.numbers import format_decimal
from fastapi import Request

Language = Literal["en", "ru"]
LANGUAGES: tuple[Language, Language] = ("en", "ru")


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """One sentence or label in both languages; `{name}` is filled with a fact."""

    en: str
    ru: str


@dataclass(frozen=True, kw_only=True)
class Counted:
    """A phrase that holds a number: English has two plural forms, Russian three for integers."""

    en: tuple[str, str]
    ru: tuple[str, str, str]

    def form(self, language: Language, count: int) -> str:
        """Return the form the language's plural rule asks for at this count."""
        category = Locale.parse(language).plural_form(count)
        if language == "en":
            return self.en[0 if category == "one" else 1]
        return self.ru[{"one": 0, "few": 1}.get(category, 2)]


Catalogue = Mapping[str, Phrase | Counted]


@dataclass(frozen=True)
class Speech:
    """A catalogue spoken in one language, as templates call it: `say("title")`."""

    catalogue: Catalogue
    language: Language

    def __call__(self, key: str, **facts: object) -> str:
        """Say a phrase, with its facts filled in."""
        phrase = self.catalogue[key]
        if isinstance(phrase, Counted):
            count = facts["count"]
            if not isinstance(count, int):
                msg = f"the phrase {key!r} counts whole things"
                raise TypeError(msg)
            shown = format_decimal(count, locale=self.language)
            return phrase.form(self.language, count).format(**(facts | {"count": shown}))
        text = phrase.en if self.language == "en" else phrase.ru
        return text.format(**facts) if facts else text


def language_of(request: Request) -> Language:
    """Return what `?lang=` asks for, else the best of `Accept-Language`, else English."""
    asked = request.query_params.get("lang")
    for language in LANGUAGES:
        if asked == language:
            return language
    return _best_accepted(request.headers.get("accept-language", ""))


def _best_accepted(header: str) -> Language:
    best: Language = "en"
    best_weight = 0.0
    for item in header.split(","):
        tag, _, parameters = item.partition(";")
        name = tag.strip().lower().partition("-")[0]
        weight = _weight(parameters)
        for language in LANGUAGES:
            if name == language and weight > best_weight:
                best, best_weight = language, weight
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
