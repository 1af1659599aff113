"""What people read, in their language: catalogues of a service, checked when they are loaded.

A service keeps `locales/ru.yaml` and `locales/en.yaml`, nested as it likes::

    inbox:
      waiting:
        one: "{count} letter waits"
        other: "{count} letters wait"

`catalogue.translate("en", "inbox.waiting", count=3)`. A text with plural forms has a key for each
category of its language (CLDR) and takes `count`. A key, a form or a fact that one language has and
the other lacks is refused at the start, not found by a reader.
"""

import string
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from babel import Locale, dates

from otklik_runtime.errors import CannotStart

LOCALES = ("ru", "en")
DEFAULT_LOCALE = "ru"
_PLURAL = "count"

Text = str | dict[str, str]


class CatalogueRefused(CannotStart):
    """A catalogue lacks something, or says it differently in two languages."""


class Catalogue:
    """The texts of one service in every language."""

    def __init__(self, texts: Mapping[str, Mapping[str, Text]]) -> None:
        """Take the texts: locale -> key -> text.

        Raises:
            CatalogueRefused: the languages do not agree.
        """
        self._texts = texts
        complaints = _complaints(texts)
        if complaints:
            raise CatalogueRefused("; ".join(complaints))
        self._plural = {locale: Locale(locale).plural_form for locale in texts}

    @classmethod
    def load(cls, package: str) -> "Catalogue":
        """Read the catalogues of a package.

        Raises:
            CatalogueRefused: names every text that is missing or differs.
        """
        folder = files(package) / "locales"
        return cls({locale: _read(folder / f"{locale}.yaml") for locale in LOCALES})

    def translate(self, locale: str, key: str, **facts: Any) -> str:
        """Give a text with the facts filled in; numbers as the language writes them.

        Raises:
            KeyError: there is no such text, or it needs a fact that is not given.
        """
        locale = locale_of(locale)
        text = self._texts[locale][key]
        if isinstance(text, dict):
            text = text[self._plural[locale](facts[_PLURAL])]
        return text.format_map(facts) if facts else text

    def has(self, key: str) -> bool:
        """Tell whether there is such a text."""
        return key in self._texts[DEFAULT_LOCALE]

    def keys(self) -> list[str]:
        """List the keys of all texts."""
        return sorted(self._texts[DEFAULT_LOCALE])


def locale_of(wanted: str) -> str:
    """Give the language to use for what somebody asked for: `en-GB,de;q=0.5` is `en`.

    Reads an `Accept-Language` header and a plain tag alike; Russian where nothing fits.
    """
    ranked = []
    for place, part in enumerate(wanted.split(",")):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            weight = 0.0
        language = tag.replace("_", "-").partition("-")[0].lower()
        if language in LOCALES and weight > 0:
            ranked.append((-weight, place, language))
    return min(ranked)[2] if ranked else DEFAULT_LOCALE


def format_datetime(locale: str, instant: datetime, zone: str) -> str:
    """Write an instant with its date, time and zone: `3 March 2026, 14:05 (UTC+3)`."""
    language = locale_of(locale)
    local = instant.astimezone(ZoneInfo(zone))
    pattern = "d MMMM y 'г'., HH:mm" if language == "ru" else "d MMMM y, HH:mm"
    written = dates.format_datetime(local, pattern, locale=language)
    return f"{written} ({_offset(local)})"


def format_date(locale: str, instant: datetime, zone: str) -> str:
    """Write the date of an instant: `3 March 2026`."""
    language = locale_of(locale)
    local = instant.astimezone(ZoneInfo(zone))
    pattern = "d MMMM y 'г'." if language == "ru" else "d MMMM y"
    return dates.format_date(local.date(), pattern, locale=language)


def _offset(local: datetime) -> str:
    offset = local.utcoffset()
    minutes = round(offset.total_seconds() / 60) if offset else 0
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    sign = "+" if minutes > 0 else "−"
    return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")


# What CLDR calls plural forms beside `other`; a group without any of them is a group.
_FORMS = {"zero", "one", "two", "few", "many"}


def _read(path: Traversable) -> dict[str, Text]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogueRefused(f"{path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise CatalogueRefused(f"{path} is no YAML: {error}") from error
    texts: dict[str, Text] = {}
    _flatten(document or {}, "", texts)
    return texts


def _flatten(node: Any, prefix: str, texts: dict[str, Text]) -> None:
    for name, value in node.items():
        key = f"{prefix}{name}"
        if isinstance(value, str):
            texts[key] = value.rstrip("\n")
        elif isinstance(value, dict) and "other" in value and not _FORMS.isdisjoint(value):
            texts[key] = {str(form): str(text).rstrip("\n") for form, text in value.items()}
        elif isinstance(value, dict):
            _flatten(value, f"{key}.", texts)
        else:
            raise CatalogueRefused(f"the text {key} must be a string: put it in quotes")


def _complaints(texts: Mapping[str, Mapping[str, Text]]) -> list[str]:
    everything = {key for known in texts.values() for key in known}
    complaints = []
    for locale, known in texts.items():
        complaints += [f"{locale} lacks the text {key}" for key in sorted(everything - set(known))]
        wanted = set(Locale(locale).plural_form.tags) | {"other"}
        for key, text in known.items():
            if isinstance(text, dict) and set(text) != wanted:
                forms = ", ".join(sorted(wanted))
                complaints.append(f"{locale}: {key} needs exactly the forms {forms}")
    for key in sorted(everything):
        named = {frozenset(_facts(known[key])) for known in texts.values() if key in known}
        if len(named) > 1:
            complaints.append(f"the text {key} uses other facts in another language")
    return complaints


def _facts(text: Text) -> set[str]:
    """Name the facts that a text fills in; the number itself may be left unsaid in a form."""
    if isinstance(text, dict):
        return set().union(*(_facts(form) for form in text.values())) | {_PLURAL}
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
