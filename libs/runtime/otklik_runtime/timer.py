"""Work that comes with time, not with a call or an event.

Several timers of the same name, in several processes, share the work if what they do locks what it
takes.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from otklik_runtime.errors import Conflict, Unavailable

_LOG = logging.getLogger(__name__)


class Timer:
    """Does one thing again and again until drained; an Entrypoint."""

    def __init__(
        self, name: str, once: Callable[[], Awaitable[bool]], *, every_seconds: float
    ) -> None:
        """Do a thing every so often.

        Args:
            name: What it is called where it is logged.
            once: Does it, and says whether there is more to do at once.
            every_seconds: How long to rest when there is not, or when it failed in a way that
                passes.
        """
        self.name = name
        self.once = once
        self._every_seconds = every_seconds
        self._draining = asyncio.Event()

    def ready(self) -> str | None:
        """Never keep the process waiting: what it does serves nobody who calls."""
        return None

    async def drain(self) -> None:
        """Finish what is under way, and begin nothing more."""
        self._draining.set()

    async def run(self) -> None:
        """Work until drained."""
        while not self._draining.is_set():
            try:
                more = await self.once()
            except (Unavailable, Conflict) as error:
                _LOG.warning("%s tries again", self.name, extra={"error": error.code})
                more = False
            if not more:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._draining.wait(), self._every_seconds)
