"""File names as the sender gave them, made harmless: no path, no controls, never empty."""

import mimetypes
import re
import unicodedata

MAX_LENGTH = 200
_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff<>:\"|?*\\/]"
)
_BLANKS = re.compile(r"\s+")


def clean(filename: str, *, content_type: str, position: int) -> str:
    """Return a name that is safe to show and to save.

    Only the last part of a path is kept; the right-to-left marks that make `exe.pdf` out of
    `fdp.exe` go; a file without a name gets one from its place and type.
    """
    name = unicodedata.normalize("NFC", filename).replace("\\", "/").rpartition("/")[2]
    name = _BLANKS.sub(" ", _UNSAFE.sub("", name)).strip(" .")
    if not name:
        return f"file-{position}{mimetypes.guess_extension(content_type) or ''}"
    if len(name) > MAX_LENGTH:
        stem, dot, extension = name.rpartition(".")
        tail = f".{extension}" if dot and len(extension) <= 10 else ""  # noqa: PLR2004 - an extension
        name = (stem if tail else name)[: MAX_LENGTH - len(tail)] + tail
    return name


def clean_type(content_type: str) -> str:
    """Return a declared media type in lower case without parameters, or a neutral one."""
    name = content_type.partition(";")[0].strip().lower()
    plain = name.isascii() and name.isprintable() and " " not in name and name.count("/") == 1
    return name if plain and len(name) <= 127 else "application/octet-stream"  # noqa: PLR2004 - RFC 6838
