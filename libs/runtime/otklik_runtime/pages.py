"""Pages of lists: how many at a time, and opaque tokens that say where a list goes on (AIP-158).

A token is good only for the question it came from, page size aside; it grants nothing. A list asks
for the size and the place of a request, and gives the token of the last row of a page that has more
behind it.
"""

import base64
import binascii
import hashlib
import json
from datetime import datetime
from typing import Protocol, cast

from google.protobuf.message import Message

from otklik_runtime import ids
from otklik_runtime.errors import InvalidInput

DEFAULT_SIZE = 50
MAX_SIZE = 500
_DIGEST_BYTES = 9
_MOST_DIGITS = 18


class ListRequest(Protocol):
    """A request message for one page of a list."""

    page_size: int
    page_token: str


def size(request: ListRequest, *, default: int = DEFAULT_SIZE, most: int = MAX_SIZE) -> int:
    """Take 0 as the default and too many as the most there can be."""
    return min(request.page_size or default, most)


def token(request: ListRequest, *place: str) -> str:
    """Write where the next page begins: the sort key of the last row of this page, as text."""
    plain = json.dumps([_question(request), *place], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def place(request: ListRequest, *, parts: int) -> tuple[str, ...] | None:
    """Read where a page begins: the sort key, of so many parts; None at the beginning.

    Raises:
        InvalidInput: `page_token_invalid`; it is none of ours, or of another list.
    """
    written = request.page_token
    if not written:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(written + "=" * (-len(written) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(part, str) for part in found):
        raise _refused()
    if len(found) != parts + 1 or found[0] != _question(request):
        raise _refused()
    return tuple(found[1:])


def instant(part: str) -> datetime:
    """Read a part of a place that is an instant in ISO 8601.

    Raises:
        InvalidInput: `page_token_invalid`; it is none.
    """
    try:
        found = datetime.fromisoformat(part)
    except ValueError as error:
        raise _refused() from error
    if found.tzinfo is None:
        raise _refused()
    return found


def identifier(part: str) -> str:
    """Read a part of a place that is an id.

    Raises:
        InvalidInput: `page_token_invalid`; it is none.
    """
    if not ids.is_id(part):
        raise _refused()
    return part


def number(part: str) -> int:
    """Read a part of a place that is a number, not below zero.

    Raises:
        InvalidInput: `page_token_invalid`; it is none.
    """
    if not (part.isascii() and part.isdigit()) or len(part) > _MOST_DIGITS:
        raise _refused()
    return int(part)


def _question(request: ListRequest) -> str:
    """Digest everything that was asked but where to begin and how much."""
    asked = cast("Message", request)
    alone = type(asked)()
    alone.CopyFrom(asked)
    for field in ("page_size", "page_token"):
        alone.ClearField(field)
    written = alone.DESCRIPTOR.full_name.encode() + alone.SerializeToString(deterministic=True)
    return base64.urlsafe_b64encode(hashlib.sha256(written).digest()[:_DIGEST_BYTES]).decode()


def _refused() -> InvalidInput:
    return InvalidInput(
        "page_token_invalid",
        "page_token is not one of this list: send next_page_token back as it was, with the same "
        "filters",
        field="page_token",
    )
