"""Bytes to text, whatever the sender said about them: declared, alias, detected, replaced.

Old Russian mail lies about its charset or says nothing. A wrong guess is worse than a slow one, so
detection looks at what the words look like, not at single bytes.
"""

import codecs
import re
from functools import lru_cache

_ALIASES = {
    "ansi": "cp1252",
    "cp-1251": "cp1251",
    "cp-866": "cp866",
    "cp1251-8bit": "cp1251",
    "default": "",
    "dos-866": "cp866",
    "ibm-866": "cp866",
    "iso-8859-8-i": "iso-8859-8",
    "koi8": "koi8-r",
    "koi8r": "koi8-r",
    "koi-8": "koi8-r",
    "koi-8-r": "koi8-r",
    "ks_c_5601-1987": "cp949",
    "none": "",
    "unicode": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
    "unknown": "",
    "unknown-8bit": "",
    "us-ascii": "",  # eight-bit bytes under it are the rule, not the exception: detected
    "ascii": "",
    "utf": "utf-8",
    "utf-8mb4": "utf-8",
    "utf8mb4": "utf-8",
    "win-1251": "cp1251",
    "win1251": "cp1251",
    "window-1251": "cp1251",
    "windows-1251\\": "cp1251",
    "windows1251": "cp1251",
    "x-cp1251": "cp1251",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-sjis": "shift_jis",
    "x-unknown": "",
    "x-user-defined": "",
}
# Charsets of the standard library that are no charsets: they transform, and may expand hugely.
_NOT_TEXT = frozenset(
    {"base64", "bz2", "hex", "idna", "punycode", "quopri", "raw-unicode-escape"}
) | {
    "rot13",
    "unicode-escape",
    "undefined",
    "uu",
    "zlib",
    "mbcs",
    "oem",
}
_NAME = re.compile(r"[a-z0-9][a-z0-9._:+-]*")

# Those that are sent without being declared; more would make short words ambiguous.
_CYRILLIC = ("cp1251", "koi8-r", "cp866")
# How frequent each letter is in Russian text, in per mille.
_FREQUENCY = {
    letter: weight
    for weight, letters in (
        (110, "о"), (84, "е"), (80, "а"), (74, "и"), (67, "н"), (63, "т"), (55, "с"), (47, "р"),
        (45, "в"), (44, "л"), (35, "к"), (32, "м"), (30, "д"), (28, "п"), (26, "у"), (20, "я"),
        (19, "ы"), (17, "ьг"), (16, "зб"), (14, "ч"), (12, "й"), (10, "х"), (9, "ж"), (7, "ш"),
        (6, "ю"), (5, "ц"), (4, "ё"), (3, "щэ"), (2, "ф"), (1, "ъ"),
    )
    for letter in letters
}  # fmt: skip
_ORDINARY = frozenset("«»—–…“”„°№\u00a0")
_SAMPLE = 4096
# Text in these is told by escapes of seven bits: looking at the high bit says nothing.
_SEVEN_BITS = frozenset(
    {"utf-7", "hz", "iso2022_jp", "iso2022_kr", "utf-16", "utf-32", "utf-16-le", "utf-16-be"}
)


def decode(raw: bytes, declared: str = "") -> str:
    """Decode bytes to text and never fail; what no charset explains becomes U+FFFD."""
    codec = codec_of(declared) if declared else ""
    if raw.isascii() and codec not in _SEVEN_BITS:
        return raw.decode("ascii")
    if codec:
        try:
            return _storable(raw.decode(codec), codec).removeprefix("\ufeff")
        except ValueError:
            pass
    return _detected(raw, codec)


def _storable(text: str, codec: str) -> str:
    """Replace halves of letters, which some codecs let through and no database or event takes."""
    return text.encode("utf-8", "replace").decode() if codec in _SEVEN_BITS else text


@lru_cache(maxsize=512)
def codec_of(declared: str) -> str:
    """Return the codec for a declared charset; empty if it is unknown or says nothing."""
    name = declared.strip().strip("\"'").strip().lower()
    name = _ALIASES.get(name, name)
    found = _NAME.match(name)
    if found is None:
        return ""
    try:
        codec = codecs.lookup(found[0]).name
    except LookupError:
        return ""
    return "" if codec in _NOT_TEXT else codec


def _detected(raw: bytes, declared_codec: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    if _mostly_utf8(raw):
        return raw.decode("utf-8", "replace")
    if declared_codec and not declared_codec.startswith("utf"):
        return raw.decode(declared_codec, "replace")
    return raw.decode(_cyrillic_codec(raw[:_SAMPLE]) or "cp1252", "replace")


def _mostly_utf8(raw: bytes) -> bool:
    """Say whether the bytes are UTF-8 with an accident in it, rather than another charset."""
    sample = raw[:_SAMPLE].decode("utf-8", "replace")
    broken = sample.count("\ufffd")
    wide = sum(character > "\x7f" for character in sample) - broken
    return wide > 4 * broken


def _cyrillic_codec(sample: bytes) -> str:
    """Return the charset under which the bytes look most like Russian; empty if none does."""
    score, codec = max((_russian(sample.decode(codec, "replace")), codec) for codec in _CYRILLIC)
    return codec if score > 0 else ""


def _russian(text: str) -> int:
    """Score how much a text looks like Russian.

    Frequent letters count for it. Under a wrong charset letters become rare ones, change their case
    within a word, stand beside Latin ones, or turn into signs; each of those counts against it.
    """
    score = 0
    previous = " "
    for character in text:
        if character > "\x7f":
            weight = _FREQUENCY.get(character.lower())
            if weight is None:
                score -= 0 if character in _ORDINARY else 60
            else:
                score += weight - _oddness(previous, character)
        previous = character
    return score


def _oddness(previous: str, letter: str) -> int:
    """Say how odd a Cyrillic letter is after the character before it."""
    if previous.isascii() and previous.isalpha():
        return 150
    return 90 if previous.islower() and letter.isupper() else 0
