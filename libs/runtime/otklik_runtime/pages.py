"""Pages of lists: how many at a time, and opaque tokens that say where a list goes on (AIP-158).

A token is good only for the list and the filters it came from; it grants nothing.
"""

import base64
import binascii
import json

from otklik_runtime.errors import InvalidInput

DEFAULT_SIZE = 50
MAX_SIZE = 500


def size(asked: int, *, default: int = DEFAULT_SIZE, most: int = MAX_SIZE) -> int:
    """Take 0 as the default and too many as the most there can be."""
    return min(asked or default, most)


def token(place: tuple[str, ...], *, of: str) -> str:
    """Write where the next page begins.

    Args:
        place: The sort key of the last row of this page, as text.
        of: The list with all its filters, as one line.
    """
    plain = json.dumps([of, *place], ensure_ascii=False)
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def place(page_token: str, *, of: str, parts: int) -> tuple[str, ...] | None:
    """Read where a page begins: the sort key, of so many parts; None at the beginning.

    Raises:
        InvalidInput: `page_token_invalid`; it is none of ours, or of another list.
    """
    if not page_token:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(page_token + "=" * (-len(page_token) % 4)))
    except (binascii.Error, ValueError):
        found = None
    readable = isinstance(found, list) and all(isinstance(part, str) for part in found)
    if not readable or found[0] != of or len(found) != parts + 1:
        raise InvalidInput(
            "page_token_invalid",
            "page_token is not one of this list: send next_page_token back as it was, with the "
            "same filters",
            field="page_token",
        )
    return tuple(found[1:])
