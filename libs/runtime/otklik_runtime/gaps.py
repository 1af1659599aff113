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
    _applied: dict[str, int] = field(default_factory=dict)
    _silent_until: float = 0.0

    def put_off(self, event_id: str) -> int:
        """Return how many deliveries of an event cannot have handled it: it was not its turn."""
        return self._put_off.get(event_id, 0)

    def may_have_been_handled(self, event: Incoming) -> bool:
        """Tell whether a process that died may have been handling an event.

        Not if it was this process that applied its predecessor: before that nobody could.
        """
        return self._applied.get(event.aggregate_id) != event.version - 1

    def applied(self, event: Incoming) -> None:
        """Remember that this process applied an event."""
        if len(self._applied) > _FORGOTTEN_ABOVE:
            self._applied.clear()
        self._applied[event.aggregate_id] = event.version

    def delay(self, event: Incoming, delivered: int) -> float | None:
        """Put an event off; return for how many seconds, or None when its owner is to be asked.

        Args:
            event: One whose predecessor is missing.
            delivered: How often the broker delivered it, to whichever process. While the
                predecessor is missing nobody can have handled it: all of that is innocent.
        """
        now = time.monotonic()
        ends = self._since.setdefault(event.aggregate_id, now) + self.patience.total_seconds()
        left = max(ends, self._silent_until) - now
        self._remember(event.event_id, delivered)
        if left <= 0:
            return None
        return max(_SOONEST_SECONDS, min(_DELAYS[min(delivered, len(_DELAYS)) - 1], left))

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

    def _remember(self, event_id: str, delivered: int) -> None:
        if len(self._put_off) > _FORGOTTEN_ABOVE:  # other replicas settled them
            self._put_off.clear()
            self._since.clear()
        self._put_off[event_id] = delivered
