"""Mail headers as they come: split, decoded, and taken apart without ever failing.

Neither parser is trusted with them: the fast one splits letters that two encoded words share, the
standard library raises on real mail. Everything here is linear in the length of the header block.
"""

import base64
import binascii
import quopri
import re

from otklik_intake.domain.addresses import Mailbox, is_address
from otklik_intake.domain.charsets import decode

MAX_BYTES = 256 * 1024
MAX_HEADERS = 1000
# Some programs write a byte order mark before the first header.
_MARK = b"\xef\xbb\xbf"
_MAX_VALUE = 16 * 1024
_MAX_ADDRESS_BYTES = 32 * 1024
MAX_ADDRESSES = 200
MAX_IDS = 50
_MAX_ID_LENGTH = 500

_WORD = re.compile(rb"=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=")
# Without these an address list needs no reading character by character.
_TRICKY = re.compile(rb"[\"()\\:;]")
_ADDRESS_TOKEN = re.compile(
    rb'"(?:[^"\\]|\\.)*"?'  # a quoted name
    rb"|\((?:[^()\\]|\\.)*\)?"  # a comment
    rb"|<[^<>]*>?"  # an address in brackets
    rb"|[,;:]"
    rb"|[^\"(<,;:]+"
    rb"|.",
    re.DOTALL,
)
_BLANKS = re.compile(r"\s+")
_ID = re.compile(rb"<([^<>\s\x00-\x1f]+)>")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def split_headers(block: bytes) -> dict[str, tuple[bytes, ...]]:
    """Return every value of every header, still encoded, under its lower-case name."""
    found: dict[str, list[bytes]] = {}
    current: list[bytes] | None = None
    count = 0
    for line in block[:MAX_BYTES].removeprefix(_MARK).splitlines():
        if line[:1] in {b" ", b"\t"} and current is not None:
            current[-1] += b" " + line.strip()
            continue
        name, colon, value = line.partition(b":")
        if not colon or not name or b" " in name.rstrip():
            current = None
            continue
        count += 1
        if count > MAX_HEADERS:
            break
        current = found.setdefault(name.decode("ascii", "replace").strip().lower(), [])
        current.append(value.strip())
    return {name: tuple(values) for name, values in found.items()}


def unfolded(value: bytes) -> str:
    """Decode one header value to one line of text."""
    value = value[:_MAX_VALUE]
    text = decode_words(value) if b"=?" in value else decode(value)
    if text.isprintable() and "  " not in text:
        return text.strip()
    return _BLANKS.sub(" ", _CONTROL.sub(" ", text)).strip()


def decode_words(value: bytes) -> str:
    """Decode encoded words, neighbours of one charset as one: mailers cut letters in two."""
    pieces: list[tuple[str, bytes]] = []
    end = 0
    for word in _WORD.finditer(value):
        between = value[end : word.start()]
        if between.strip() or not pieces or pieces[-1][0] == "":
            pieces.append(("", between))
        charset = word[1].decode("ascii", "replace").lower()
        content = _word_bytes(word[2], word[3])
        if pieces and pieces[-1][0] == charset:
            pieces[-1] = (charset, pieces[-1][1] + content)
        else:
            pieces.append((charset, content))
        end = word.end()
    pieces.append(("", value[end:]))
    return "".join(decode(content, charset) for charset, content in pieces)


def _word_bytes(encoding: bytes, content: bytes) -> bytes:
    if encoding in b"qQ":
        return quopri.decodestring(content.replace(b"_", b"=20"), header=False)
    kept = content.rstrip(b"=")
    # One lonely character of base64 carries no byte; the padding is often lost.
    kept = kept[:-1] if len(kept) % 4 == 1 else kept
    try:
        return base64.b64decode(kept + b"=" * (-len(kept) % 4))
    except (binascii.Error, ValueError):
        return content


def mailboxes(values: tuple[bytes, ...]) -> tuple[Mailbox, ...]:
    """Return the mailboxes of an address header; what is no address is left out."""
    found: list[Mailbox] = []
    for value in values:
        for piece in _address_pieces(value[:_MAX_ADDRESS_BYTES]):
            mailbox = _mailbox(piece)
            if mailbox is not None:
                found.append(mailbox)
            if len(found) >= MAX_ADDRESSES:
                return tuple(found)
    return tuple(found)


def _address_pieces(value: bytes) -> list[bytes]:
    """Cut a list at its commas, but not inside quotes, brackets or comments; groups are opened."""
    if _TRICKY.search(value) is None:
        return value.split(b",")
    pieces = [b""]
    for token in _ADDRESS_TOKEN.findall(value):
        if token in {b",", b";"}:
            pieces.append(b"")
        elif token == b":":
            pieces[-1] = b""
        elif not token.startswith(b"("):
            pieces[-1] += token
        elif b"<" not in pieces[-1] and b"@" in pieces[-1]:
            # `ivan@example.org (Ivan)`: the old way to give a name.
            pieces[-1] = token.strip(b"()") + b" <" + pieces[-1].strip() + b">"
    return pieces


def _mailbox(piece: bytes) -> Mailbox | None:
    name, angle, after = piece.rpartition(b"<")
    bare = after.partition(b">")[0] if angle else piece
    address = unfolded(bare).strip("'\" ").lower()
    if not is_address(address):
        return None
    return Mailbox(name=_display_name(name), address=address)


def _display_name(raw: bytes) -> str:
    text = unfolded(raw.strip())
    if len(text) > 1 and text[0] == text[-1] == '"':
        # Some mailers quote an encoded word: it is decoded here, after the quotes are gone.
        inner = raw.strip()[1:-1].replace(b'\\"', b'"').replace(b"\\\\", b"\\")
        text = unfolded(inner)
    return text[:200]


def message_ids(values: tuple[bytes, ...]) -> tuple[str, ...]:
    """Return the Message-IDs in a header, with angle brackets; the newest 50 if there are more."""
    found = [one for value in values for one in _ID.findall(value)]
    return tuple(
        f"<{one.decode('ascii', 'backslashreplace')}>"
        for one in found
        if len(one) <= _MAX_ID_LENGTH
    )[-MAX_IDS:]
