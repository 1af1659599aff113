"""The language of a text: Russian or English."""

import re

_ENOUGH_LETTERS = 3
_RUSSIAN_SHARE = 0.3
_SAMPLE = 1000
_LETTER = re.compile(r"[^\W\d_]")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")


def of_text(text: str, *, default: str) -> str:
    """Return `ru` or `en` by the share of Cyrillic letters; the default where letters are few.

    The share is low on purpose: Russian letters quote English error messages, never the reverse.
    """
    sample = text[:_SAMPLE]
    letters = len(_LETTER.findall(sample))
    if letters < _ENOUGH_LETTERS:
        return default
    return "ru" if len(_CYRILLIC.findall(sample)) >= _RUSSIAN_SHARE * letters else "en"
