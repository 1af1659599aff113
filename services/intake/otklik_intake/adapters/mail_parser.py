"""Raw mail to a letter: a fast parser first, else the standard library, never an exception.

Both give only the tree of parts as bytes; headers and charsets are read by the domain's own rules,
so that the same mail reads the same whichever parser took it apart.
"""

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from itertools import islice
from urllib.parse import unquote_to_bytes

import fast_mail_parser

from otklik_intake.domain import filenames, fingerprint, headers
from otklik_intake.domain.charsets import decode
from otklik_intake.domain.html_text import words_of
from otklik_intake.domain.letter import Content, File, Letter, Unreadable
from otklik_intake.domain.submission import MEDIA_TYPE as SUBMISSION
from otklik_intake.domain.submission import Submission

UNREADABLE = "unreadable"
MAX_PARTS = 5000
MAX_FILES = 500
MAX_TEXT = 4 * 1024 * 1024

_BODY_HEADERS = ("content-type", "content-transfer-encoding", "content-disposition", "content-id")
_CHARSET = re.compile(r"charset\s*\*?=\s*(\"[^\"]*\"|[^\s;]+)", re.IGNORECASE)
_EXTENDED = re.compile(r"^[\w!#$%&+^`{}~-]*'[\w-]*'")
_CONTINUATION = re.compile(r"filename\*(?:(\d{1,3})\*?)?=\s*(\"[^\"]*\"|[^\s;]+)", re.IGNORECASE)
# What the standard library was seen to raise on real and on made-up mail.
_STDLIB_ERRORS = (
    AssertionError,
    AttributeError,
    IndexError,
    LookupError,
    TypeError,
    ValueError,
    RecursionError,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """One leaf of a mail, or a mail inside it."""

    content_type: str
    content: bytes
    charset: str = ""
    filename: str = ""
    disposition: str = ""
    content_id: str = ""

    @property
    def is_text(self) -> bool:
        """Whether it can be a body; a type that is none counts as plain text (RFC 2045)."""
        return self.content_type in {"text/plain", "text/html"} or "/" not in self.content_type

    @property
    def is_attached(self) -> bool:
        """Whether the sender says that it is no body."""
        return self.disposition == "attachment"


class _PartLost(Exception):
    """The fast parser found a container and nothing in it."""


def parse(original: bytes, media_type: str) -> Content:
    """Read an original of either kind; what cannot be read is said to be unreadable."""
    if media_type == SUBMISSION:
        try:
            return Submission.from_original(original)
        except (TypeError, ValueError):
            return Unreadable(reason=UNREADABLE)
    return parse_mail(original)


def parse_mail(original: bytes) -> Letter:
    """Read a mail, as far as it can be read."""
    block, body = fingerprint.split(original)
    raw = headers.split_headers(block)
    bodies, files = _sorted(_parts(_bare(raw, body), body))
    plain = _joined(bodies, html=False)
    html = _joined(bodies, html=True)
    message_ids = headers.message_ids(raw.get("message-id", ()))
    return Letter(
        headers=raw,
        senders=headers.mailboxes(raw.get("from", ())),
        to=headers.mailboxes(raw.get("to", ())),
        cc=headers.mailboxes(raw.get("cc", ())),
        subject=_line(raw, "subject"),
        message_id=message_ids[0] if message_ids else "",
        in_reply_to=headers.message_ids(raw.get("in-reply-to", ())),
        references=headers.message_ids(raw.get("references", ())),
        date=_line(raw, "date"),
        text=plain if plain.strip() else words_of(html),
        html=html,
        files=tuple(
            _file(part, position) for position, part in enumerate(files[:MAX_FILES], start=1)
        ),
    )


def _bare(raw: dict[str, tuple[bytes, ...]], body: bytes) -> bytes:
    """Give a mail with only those headers that say how its body is built.

    The parsers need no others, and hostile ones cost them much.
    """
    lines = [name.encode() + b": " + raw[name][0] for name in _BODY_HEADERS if name in raw]
    return b"\r\n".join([*lines, b"", body])


def _line(raw: dict[str, tuple[bytes, ...]], name: str) -> str:
    values = raw.get(name)
    return headers.unfolded(values[0]) if values else ""


def _parts(original: bytes, body: bytes) -> list[_Part]:
    """Take a mail apart; where neither parser finds anything, the body is one text as it stands."""
    try:
        parts = list(islice(_fast_parts(original), MAX_PARTS))
    except (fast_mail_parser.ParseError, _PartLost):
        parts = []
    if not any(part.content.strip() for part in parts) and body.strip():
        parts = list(islice(_stdlib_parts(original), MAX_PARTS)) or parts
    return parts or [_Part(content_type="text/plain", content=body)]


def _sorted(parts: list[_Part]) -> tuple[list[_Part], list[_Part]]:
    """Tell bodies from files: a body is text without a name that nobody calls an attachment.

    Where there is none, the first text that is shown in line is the body, whatever its name.
    """
    bodies = [part for part in parts if part.is_text and not part.filename and not part.is_attached]
    if not bodies:
        bodies = [part for part in parts if part.is_text and not part.is_attached][:1]
    files = [part for part in parts if part not in bodies and (part.content or part.filename)]
    return bodies, files


def _joined(bodies: list[_Part], *, html: bool) -> str:
    found = [
        decode(part.content, part.charset)
        for part in bodies
        if (part.content_type == "text/html") is html
    ]
    return "\n".join(text for text in found if text.strip()).replace("\r\n", "\n")[:MAX_TEXT]


def _file(part: _Part, position: int) -> File:
    content_type = filenames.clean_type(part.content_type)
    if content_type == "message/rfc822" and not part.filename:
        name = f"message-{position}.eml"
    else:
        name = filenames.clean(part.filename, content_type=content_type, position=position)
    return File(
        filename=name,
        content_type=content_type,
        content=part.content,
        content_id=part.content_id.strip("<> ")[:200],
    )


def _fast_parts(original: bytes) -> Iterator[_Part]:
    """Give the leaves that the fast parser finds; a mail inside the mail stays whole."""
    waiting = [fast_mail_parser.parse_email_tree(original)]
    while waiting:
        node = waiting.pop()
        if node.content is None:
            if not node.children:
                raise _PartLost
            waiting.extend(reversed(node.children))
            continue
        fields = {name.lower(): values for name, values in node.headers.items()}
        declared = next(iter(fields.get("content-type", [])), "")
        yield _Part(
            content_type=node.content_type.lower() if declared else "",
            charset=_charset(declared),
            filename=_filename(
                node.filename, next(iter(fields.get("content-disposition", [])), declared)
            ),
            disposition=(node.disposition or "").lower(),
            content_id=node.content_id or "",
            content=node.content,
        )


def _stdlib_parts(original: bytes) -> Iterator[_Part]:
    """Give the leaves that the standard library finds, skipping those it cannot decode."""
    try:
        waiting: list[Message] = [email.message_from_bytes(original, policy=email.policy.compat32)]
    except _STDLIB_ERRORS:
        return
    while waiting:
        node = waiting.pop()
        try:
            if node.is_multipart() and node.get_content_maintype() == "multipart":
                waiting.extend(reversed(_children(node)))
                continue
            yield _stdlib_part(node)
        except _STDLIB_ERRORS:
            continue


def _stdlib_part(node: Message) -> _Part:
    if node.is_multipart():
        content = b"".join(child.as_bytes() for child in _children(node))
    else:
        payload = node.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else b""
    declared = str(node.get("content-type", ""))
    # A container that could not be opened is text, as it stands.
    closed = not declared or node.get_content_maintype() == "multipart"
    return _Part(
        content_type="" if closed else node.get_content_type().lower(),
        charset=_charset(declared),
        filename=_filename(_stdlib_filename(node), str(node.get("content-disposition", declared))),
        disposition=str(node.get("content-disposition", "")).partition(";")[0].strip().lower(),
        content_id=str(node.get("content-id", "")),
        content=content,
    )


def _children(node: Message) -> list[Message]:
    payload = node.get_payload()
    if not isinstance(payload, list):
        return []
    return [child for child in payload if isinstance(child, Message)]


def _stdlib_filename(node: Message) -> str:
    try:
        return node.get_filename("") or ""
    except _STDLIB_ERRORS:
        return ""


def _charset(content_type: str) -> str:
    found = _CHARSET.search(content_type)
    return _EXTENDED.sub("", found[1].strip('"')) if found else ""


def _filename(name: str, header: str) -> str:
    """Repair a file name: encoded words, though the standard forbids them, and cut letters."""
    if not name:
        return ""
    if "\ufffd" in name:
        name = _continued(header) or name
    if "=?" in name:
        return headers.unfolded(name.encode("utf-8", "replace"))
    if name.isascii():
        return name
    try:
        # Eight-bit bytes without any charset were read as Western; most likely they are not.
        return decode(name.encode("latin-1"))
    except UnicodeEncodeError:
        return name.encode("utf-8", "replace").decode()


def _continued(header: str) -> str:
    """Join the pieces that RFC 2231 cut before decoding them: a letter may lie across a cut."""
    pieces = sorted((int(number or 0), value) for number, value in _CONTINUATION.findall(header))
    charset, _, rest = "".join(value.strip('"') for _, value in pieces).partition("'")
    return decode(unquote_to_bytes(rest.partition("'")[2]), charset)
