"""A mail as bytes: text and HTML side by side, headers that say who wrote and whether by machine.

Written out by hand for two reasons. The standard library's `EmailMessage` folds an identifier
longer than a line by encoding it (RFC 2047), which no mail program undoes: threads and reply
addresses with our tokens would break. And it takes fifty times the processor of these lines, for
each mail. What it would have guarded against is guarded here: no header value holds a line break,
and tests read every mail back with the standard library's parser.
"""

import base64
import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from email.utils import format_datetime

from otklik_notify.domain.mail import Mail
from otklik_notify.domain.notices import Automatic

_LINE = b"\r\n"
_MAX_LINE = 76
_MAX_ENCODED_BYTES = 42
_BREAK = re.compile(r"[\x00\r\n]")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")


class HeaderBroken(ValueError):
    """A header value holds a line break: composing it should have cleaned it."""


def wire_bytes(mail: Mail, *, date: datetime, locale: str) -> bytes:
    """Write a mail as it goes over the wire; the same mail always gives the same bytes.

    Args:
        mail: The mail.
        date: When it was queued.
        locale: The language it is in.

    Raises:
        HeaderBroken: a header value holds a line break.
    """
    boundary = f"=_{hashlib.sha256(mail.internet_message_id.encode()).hexdigest()[:32]}"
    lines = [_header(name, value) for name, value in _headers(mail, date=date, locale=locale)]
    lines += [
        _header("MIME-Version", "1.0"),
        _header("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
        b"",
        *_part(boundary, "plain", mail.text),
        *_part(boundary, "html", mail.html),
        f"--{boundary}--".encode(),
        b"",
    ]
    return _LINE.join(lines)


def _headers(mail: Mail, *, date: datetime, locale: str) -> Iterator[tuple[str, str]]:
    yield "From", f"{_phrase(mail.from_name)} <{mail.from_address}>"
    yield "To", mail.recipient
    yield "Subject", _words(mail.subject)
    yield "Date", format_datetime(date)
    yield "Message-ID", mail.internet_message_id
    yield "Reply-To", mail.reply_to
    yield "Content-Language", locale
    if mail.in_reply_to:
        yield "In-Reply-To", mail.in_reply_to
    if mail.references:
        yield "References", " ".join(mail.references)
    if mail.automatic is not Automatic.NO:
        # RFC 3834, and the marks that mail programs had before it: nobody's robot answers ours.
        yield "Auto-Submitted", str(mail.automatic)
        yield "X-Auto-Response-Suppress", "All"
        yield "Precedence", "bulk"
        yield "X-Loop", mail.from_address


def _header(name: str, value: str) -> bytes:
    """Fold a header at its spaces; words are never broken."""
    if _BREAK.search(value):
        raise HeaderBroken(name)
    lines = [f"{name}:"]
    for word in value.split(" "):
        if len(lines[-1]) + len(word) >= _MAX_LINE and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines).encode()


def _phrase(name: str) -> str:
    """Write the name before an address: as it is, quoted, or encoded."""
    if _ATOMS.fullmatch(name):
        return name
    if name.isascii():
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}"'
    return _encoded(name)


def _words(text: str) -> str:
    """Write unstructured text; what could be taken for an encoded word is encoded itself."""
    return text if text.isascii() and "=?" not in text else _encoded(text)


def _encoded(text: str) -> str:
    """Encode a text as RFC 2047 words, none of which breaks a character."""
    words, chunk = [], b""
    for character in text:
        letter = character.encode("utf-8", "replace")
        if len(chunk) + len(letter) > _MAX_ENCODED_BYTES:
            words.append(chunk)
            chunk = b""
        chunk += letter
    words.append(chunk)
    return " ".join(f"=?utf-8?b?{base64.b64encode(word).decode()}?=" for word in words)


def _part(boundary: str, subtype: str, text: str) -> Iterator[bytes]:
    content = "\r\n".join(text.splitlines()) + "\r\n"
    encoded = base64.encodebytes(content.encode("utf-8", "replace")).rstrip(b"\n")
    yield f"--{boundary}".encode()
    yield f'Content-Type: text/{subtype}; charset="utf-8"'.encode()
    yield b"Content-Transfer-Encoding: base64"
    yield b""
    yield encoded.replace(b"\n", _LINE)
