"""Reads a letter for people: decoded headers, its text, its HTML, its attachments by name.

Whatever bytes arrive, a letter comes out: fields are read one by one with the tolerant parser of
the standard library, and what cannot be decoded is shown with replacement characters.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from email import errors, header, message_from_bytes
from email.message import Message
from functools import cached_property, lru_cache
from pathlib import Path

_UNREADABLE = (LookupError, ValueError, TypeError, AttributeError, AssertionError, RecursionError)


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A part of a letter that is not its text."""

    index: int
    name: str
    content_type: str
    content_id: str
    content: bytes

    @property
    def size(self) -> int:
        """Its length in bytes, decoded."""
        return len(self.content)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What a letter says; `headers` are in their order, decoded."""

    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    attachments: tuple[Attachment, ...]

    def header(self, name: str) -> str:
        """Return the first header of this name, or nothing."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @cached_property
    def subject(self) -> str:
        """The subject, decoded."""
        return self.header("subject")

    @cached_property
    def message_id(self) -> str:
        """The Message-ID with its angle brackets, as it was written."""
        return self.header("message-id")


@lru_cache(maxsize=64)
def letter_at(path: Path) -> Letter:
    """Read a letter from where it lies; letters never change once they lie there."""
    return read_letter(path.read_bytes())


def read_letter(raw: bytes) -> Letter:
    """Read a letter from its bytes."""
    try:
        message = message_from_bytes(raw)
        parts = list(_parts(message))
    except _UNREADABLE:
        # Multiparts nested without end, or a header the parser itself trips over.
        return Letter(headers=(), text=decoded(raw, ""), html="", attachments=())
    texts = [_text(part) for part in parts if _is_body(part, "text/plain")]
    htmls = [_text(part) for part in parts if _is_body(part, "text/html")]
    others = [
        part for part in parts if not (_is_body(part, "text/plain") or _is_body(part, "text/html"))
    ]
    return Letter(
        headers=tuple((name, decoded_header(value)) for name, value in message.raw_items()),
        text="\n\n".join(texts),
        html="\n".join(htmls),
        attachments=tuple(_attachment(index, part) for index, part in enumerate(others, start=1)),
    )


def decoded_header(raw: object) -> str:
    """Decode a header's encoded words; bytes outside ASCII count as UTF-8, then as Latin-1."""
    line = _without_surrogates(str(raw)).replace("\r", "").replace("\n", "")
    try:
        pieces = header.decode_header(line)
    except (errors.HeaderParseError, *_UNREADABLE):
        return line
    words = [
        piece if isinstance(piece, str) else _word(piece, charset) for piece, charset in pieces
    ]
    # Encoded words that decode to nothing are broken ones: then the line itself says more.
    return "".join(words).strip() or line.strip()


def decoded(octets: bytes, charset: str) -> str:
    """Decode a text whose charset may be missing, unknown or a lie."""
    for name, failing in ((charset, "strict"), ("utf-8", "strict"), (charset, "replace")):
        try:
            return _sayable(octets.decode(codecs.lookup(name).name, failing))
        except (LookupError, ValueError):
            continue
    return octets.decode("utf-8", "replace")


def _word(piece: bytes, charset: str | None) -> str:
    # Where no charset is named, decode_header made bytes of a str by raw-unicode-escape.
    if charset is None:
        return _sayable(piece.decode("raw-unicode-escape", "replace"))
    return decoded(piece, charset)


def _sayable(text: str) -> str:
    """Replace what no encoding can say: some charsets decode to halves of a pair."""
    return text.encode("utf-8", "replace").decode()


def _without_surrogates(text: str) -> str:
    try:
        octets = text.encode("utf-8", "surrogateescape")
        return octets.decode()
    except UnicodeEncodeError:
        return _sayable(text)
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _parts(message: Message) -> Iterator[Message]:
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from _parts(part)
    else:
        yield message


def _is_body(part: Message, content_type: str) -> bool:
    return (
        part.get_content_type() == content_type
        and not part.is_multipart()
        and _disposition(part) != "attachment"
        and not _name(part)
    )


def _disposition(part: Message) -> str:
    return str(part.get("content-disposition", "")).partition(";")[0].strip().lower()


def _name(part: Message) -> str:
    try:
        name = part.get_filename()
    except _UNREADABLE:
        return ""
    return decoded_header(name) if name else ""


def _text(part: Message) -> str:
    try:
        charset = part.get_param("charset") or "utf-8"
    except _UNREADABLE:
        charset = "utf-8"
    return decoded(_content(part), str(charset)).replace("\r\n", "\n")


def _content(part: Message) -> bytes:
    try:
        if part.is_multipart():
            return b"\r\n".join(
                inner.as_bytes() for inner in part.get_payload() if isinstance(inner, Message)
            )
        content = part.get_payload(decode=True)
    except _UNREADABLE:
        content = str(part.get_payload()).encode("utf-8", "surrogateescape")
    return content if isinstance(content, bytes) else b""


def _attachment(index: int, part: Message) -> Attachment:
    content_type = part.get_content_type()
    extension = ".eml" if content_type == "message/rfc822" else ""
    return Attachment(
        index=index,
        name=_name(part) or f"part-{index}{extension}",
        content_type=content_type,
        content_id=str(part.get("content-id", "")).strip().strip("<>"),
        content=_content(part),
    )
