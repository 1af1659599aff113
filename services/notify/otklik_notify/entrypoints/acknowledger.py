"""The timer of acknowledgements: whose clocks did not come in time leaves without a deadline."""

import asyncio
from collections.abc import Callable

from otklik_notify.entrypoints import counting
from otklik_notify.handlers.tell import acknowledge_overdue
from otklik_notify.ports import Desk, UnitOfWork
from otklik_runtime import failpoints
from otklik_runtime.database import Database, Transaction
from otklik_runtime.errors import Conflict, Unavailable

BEFORE_COMMIT = failpoints.register("notify.before_overdue_commit")
AFTER_COMMIT = failpoints.register("notify.after_overdue_commit")

POLL_SECONDS = 1.0
BATCH = 100


class Acknowledger:
    """Looks every second; several of them, in several processes, share the work."""

    name = "acknowledger"

    def __init__(
        self,
        database: Database,
        *,
        unit_of: Callable[[Transaction], UnitOfWork],
        desk: Desk,
        queued: Callable[[], None],
    ) -> None:
        self._database = database
        self._unit_of = unit_of
        self._desk = desk
        self._queued = queued
        self._draining = asyncio.Event()

    def ready(self) -> str | None:
        """Always ready: it only looks at its own database."""
        return None

    async def drain(self) -> None:
        """Look no more."""
        self._draining.set()

    async def run(self) -> None:
        """Look until drained."""
        while not self._draining.is_set():
            try:
                more = await self.once() == BATCH
            except (Unavailable, Conflict):
                more = False
            if not more:
                await _pause(self._draining, POLL_SECONDS)

    async def once(self) -> int:
        """Let go what is due; return how many."""
        async with self._database.transaction() as transaction:
            result = await acknowledge_overdue(self._unit_of(transaction), self._desk, BATCH)
            failpoints.hit(BEFORE_COMMIT)
        failpoints.hit(AFTER_COMMIT)
        counting.told(result)
        if result.queued:
            self._queued()
        return len(result.acknowledgements)


async def _pause(ended: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(ended.wait(), seconds)
    except TimeoutError:
        return
