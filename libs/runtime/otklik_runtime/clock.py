"""What time it is: the only source of it.

A service with a database takes the time of its database, once per transaction, so that all its
processes agree. The system's clock serves the few who have none.
"""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Something that knows what time it is."""

    async def now(self) -> datetime:
        """Give the present instant, aware, in UTC."""
        ...


class SystemClock:
    """The clock of this machine, for processes without a database."""

    async def now(self) -> datetime:
        """Give the present instant."""
        return self.read()

    def read(self) -> datetime:
        """Give the present instant where nothing can be awaited."""
        return datetime.now(UTC)


class FrozenClock:
    """A clock that stands still until it is told to go on; for tests."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    async def now(self) -> datetime:
        """Give the instant at which the clock stands."""
        return self._now

    def advance(self, duration: timedelta) -> None:
        """Move the clock on."""
        self._now += duration

    def set(self, instant: datetime) -> None:
        """Move the clock to an instant."""
        self._now = instant
