"""What makes one mail the same as another, told from its raw bytes before anything parses it."""

import hashlib
import re

MAX_EXTERNAL_ID = 500

# The header may be folded; a Message-ID has no blanks, so the first run of non-blanks is it.
_MESSAGE_ID = re.compile(rb"^message-id:[ \t]*(?:\r?\n[ \t]+)*(\S+)", re.IGNORECASE | re.MULTILINE)
# What relays add on the way; the rest of a mail is the same on every delivery.
_TRACE_HEADERS = re.compile(
    rb"^(?:received|return-path|delivered-to|x-original-to|authentication-results|dkim-signature"
    rb"|x-received|arc-[a-z-]+):.*(?:\r?\n[ \t].*)*\r?\n",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER_LIMIT = 256 * 1024


def split(original: bytes) -> tuple[bytes, bytes]:
    """Split a mail at its first blank line into headers and body."""
    ends = [place for place in (original.find(b"\r\n\r\n"), original.find(b"\n\n")) if place >= 0]
    if not ends:
        return original, b""
    place = min(ends)
    width = 4 if original[place] == ord("\r") else 2
    return original[: place + width // 2], original[place + width :]


def of_mail(original: bytes) -> tuple[str, bytes]:
    """Return a mail's external id and the digest that tells its content from another's.

    The id is the Message-ID. A mail without one is known by its whole content, except what relays
    add: two people who write the same two words are two mails.
    """
    headers, body = split(original)
    headers = headers[:_HEADER_LIMIT]
    found = _MESSAGE_ID.search(headers)
    if found is None:
        own = hashlib.sha256(_TRACE_HEADERS.sub(b"", headers) + b"\r\n" + body)
        return f"sha256:{own.hexdigest()}", own.digest()
    return external_id(found[1]), hashlib.sha256(body).digest()


def external_id(raw: bytes) -> str:
    """Return an id from outside as text that can be stored and compared, however odd it is."""
    text = raw.decode("ascii", "backslashreplace").replace("\x00", "\\x00")
    if len(text) > MAX_EXTERNAL_ID:
        return f"sha256:{hashlib.sha256(raw).hexdigest()}"
    return text


def of_message_id(message_id: str) -> bytes:
    """Return the digest under which a Message-ID is remembered: the id may hold personal data."""
    return hashlib.sha256(message_id.strip().strip("<>").encode()).digest()[:16]
