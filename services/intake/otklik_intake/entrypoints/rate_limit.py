"""How many requests one address may make: a bucket each, slowly filled, emptied by requests."""

import time
from collections import OrderedDict
from collections.abc import Callable

from otklik_intake.domain.errors import TooManyRequests

MAX_ADDRESSES = 20_000


class RateLimit:
    """Limits each address of this process; the oldest are forgotten when there are too many."""

    def __init__(self, per_minute: int, *, seconds: Callable[[], float] = time.monotonic) -> None:
        """Allow so many requests a minute, and as many at once."""
        self._per_minute = per_minute
        self._seconds = seconds
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admit(self, address: str) -> None:
        """Count one request.

        Raises:
            TooManyRequests: the address has used up what it may.
        """
        now = self._seconds()
        left, since = self._buckets.pop(address, (float(self._per_minute), now))
        left = min(self._per_minute, left + (now - since) * self._per_minute / 60)
        admitted = left >= 1
        self._buckets[address] = (left - 1 if admitted else left, now)
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        if not admitted:
            wait = (1 - left) * 60 / self._per_minute
            raise TooManyRequests(retry_after_seconds=max(1, round(wait + 0.5)))
