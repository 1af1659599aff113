"""Page tokens: where a list goes on; opaque to callers, good only for the list they came from."""

import base64
import binascii
import json
from datetime import datetime

from otklik_notify.ports import Place
from otklik_runtime.errors import InvalidInput
from otklik_runtime.ids import is_id

DEFAULT_PAGE = 50
MAX_PAGE = 500


def page_size(asked: int) -> int:
    """Take 0 as the default and too many as the most there can be."""
    return min(asked or DEFAULT_PAGE, MAX_PAGE)


def token_of(place: Place, filters: str) -> str:
    """Write where the next page of a list with these filters begins."""
    plain = json.dumps([place.created_at.isoformat(), place.delivery_id, filters])
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def place_of(token: str, filters: str) -> Place | None:
    """Read where a page begins; None at the beginning.

    Raises:
        InvalidInput: `page_token_invalid`; it is none of ours, or of another list.
    """
    if not token:
        return None
    try:
        plain = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        created_at, delivery_id, of_filters = plain
        place = Place(created_at=datetime.fromisoformat(created_at), delivery_id=delivery_id)
    except (binascii.Error, ValueError, TypeError) as error:
        raise _invalid() from error
    if of_filters != filters or not is_id(delivery_id) or place.created_at.tzinfo is None:
        raise _invalid()
    return place


def _invalid() -> InvalidInput:
    return InvalidInput(
        "page_token_invalid",
        "page_token is not one of this list: send next_page_token back as it was, with the same "
        "filters",
        field="page_token",
    )
