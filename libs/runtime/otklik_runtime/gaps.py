"""Waiting for what came out of order: how long for each aggregate, and when to ask its owner.

An event that came before its predecessor is put off, and the later ones of its aggregate with it;
all others go on. After the patience the owner is asked for what is missing. What is known here is
known to this process alone: another replica, or the next process, waits anew.
"""

import time
from dataclasses import dataclass, field
from datetime import timedelta

from otklik_runtime.envelope import Incoming

PATIENCE = timedelta(seconds=60)
"""How long a missing version is waited for before its owner is asked."""

_DELAYS = (0.2, 1.0, 2.0, 5.0, 15.0, 30.0)
_SILENCE_SECONDS = 15.0
_SOONEST_SECONDS = 0.05
_FORGOTTEN_ABOVE = 100_000


@dataclass(kw_only=True)
class Gaps:
    """The aggregates of one owner that wait for a missing version."""

    patience: timedelta = PATIENCE
    _since: dict[str, float] = field(default_factory=dict)
    _put_off: dict[str, int] = field(default_factory=dict)
    _silent_until: float = 0.0

    def put_off(self, event_id: str) -> int:
        """Return how often an event came back only because it had been put off here."""
        return self._put_off.get(event_id, 0)

    def delay(self, event: Incoming) -> float | None:
        """Put an event off; return for how many seconds, or None when its owner is to be asked."""
        now = time.monotonic()
        ends = self._since.setdefault(event.aggregate_id, now) + self.patience.total_seconds()
        left = max(ends, self._silent_until) - now
        times = self._count(event.event_id)
        if left <= 0:
            return None
        return max(_SOONEST_SECONDS, min(_DELAYS[min(times, len(_DELAYS)) - 1], left))

    def again(self) -> float:
        """Return in how many seconds to look again after the owner did not answer."""
        self._silent_until = time.monotonic() + _SILENCE_SECONDS
        return _SILENCE_SECONDS

    def close(self, aggregate_id: str) -> float:
        """Nothing is missing any more; return in how many seconds the event is to come back."""
        self._since.pop(aggregate_id, None)
        return _SOONEST_SECONDS

    def settle(self, event: Incoming) -> None:
        """Forget an event that was answered for good."""
        self._put_off.pop(event.event_id, None)
        self._since.pop(event.aggregate_id, None)

    def _count(self, event_id: str) -> int:
        if len(self._put_off) > _FORGOTTEN_ABOVE:  # other replicas settled them
            self._put_off.clear()
            self._since.clear()
        times = self._put_off[event_id] = self._put_off.get(event_id, 0) + 1
        return times
