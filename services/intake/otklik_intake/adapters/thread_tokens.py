"""Thread tokens, checked with the key ring that intake and notify share."""

from datetime import UTC, datetime

from otklik_runtime.errors import Unauthenticated
from otklik_runtime.ids import is_id
from otklik_runtime.key_ring import KeyRing

_PURPOSE = "thread"
# Thread tokens have no expiry, so no moment matters: a conversation can be answered for ever.
_ANY_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)


class ThreadTokens:
    """Tells which conversation a token stands for."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def conversation_of(self, token: str) -> str | None:
        """Give the conversation; None if the token was not signed by us."""
        try:
            subject = self._ring.verify(_PURPOSE, token, _ANY_MOMENT)
        except Unauthenticated:
            return None
        return subject if is_id(subject) else None
