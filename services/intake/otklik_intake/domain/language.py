"""The language of a text: Russian or English."""

_ENOUGH_LETTERS = 3
_RUSSIAN_SHARE = 0.3
_SAMPLE = 4000


def of_text(text: str, *, default: str) -> str:
    """Return `ru` or `en` by the share of Cyrillic letters; the default where letters are few.

    The share is low on purpose: Russian letters quote English error messages, never the reverse.
    """
    letters = [character for character in text[:_SAMPLE] if character.isalpha()]
    if len(letters) < _ENOUGH_LETTERS:
        return default
    cyrillic = sum("\u0400" <= character <= "\u04ff" for character in letters)
    return "ru" if cyrillic >= _RUSSIAN_SHARE * len(letters) else "en"
