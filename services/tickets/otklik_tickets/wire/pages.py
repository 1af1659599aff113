"""Page tokens: where the next page begins, in a form nobody should read or build.

A token remembers what was asked with it; with another question it is refused, not misread.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from datetime import datetime

from google.protobuf.message import Message

from otklik_runtime.errors import InvalidInput

_SAME = ("page_token", "page_size")


def page_size(asked: int, *, default: int, most: int) -> int:
    """How many rows a page has."""
    return min(asked or default, most)


def page_token(request: Message, place: Sequence[str]) -> str:
    """The token of the page that begins after this place."""
    written = json.dumps([_question(request), *place], separators=(",", ":"))
    return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")


def place_of(request: Message, token: str, width: int) -> list[str] | None:
    """The place a token names; nothing where there is no token.

    Raises:
        InvalidInput: `page_token_invalid`, it is not ours or belongs to another question.
    """
    if not token:
        return None
    try:
        padded = token + "=" * (-len(token) % 4)
        question, *place = json.loads(base64.urlsafe_b64decode(padded.encode()))
    except (binascii.Error, ValueError, TypeError) as error:
        raise _refused() from error
    if question != _question(request) or len(place) != width:
        raise _refused()
    return [str(part) for part in place]


def instant_of(text: str) -> datetime:
    """An instant in a place.

    Raises:
        InvalidInput: `page_token_invalid`.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise _refused() from error


def _question(request: Message) -> str:
    """Everything that was asked but where to begin and how much, as a short digest."""
    copy = type(request)()
    copy.CopyFrom(request)
    for name in _SAME:
        copy.ClearField(name)
    digest = hashlib.sha256(copy.SerializeToString(deterministic=True)).digest()
    return base64.urlsafe_b64encode(digest[:9]).decode()


def _refused() -> InvalidInput:
    return InvalidInput(
        "page_token_invalid",
        "The page token does not belong to this question: ask again without it.",
        field="page_token",
    )
