"""The timer: finds the clocks whose time has come, by an index, on any replica, each once."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from otklik_runtime import failpoints
from otklik_runtime.database import Database, Transaction
from otklik_runtime.errors import Conflict, Unavailable
from otklik_sla.handlers import judge_due
from otklik_sla.ports import UnitOfWork

BEFORE_COMMIT = failpoints.register("sla.before_due_commit")
AFTER_COMMIT = failpoints.register("sla.after_due_commit")

BATCH = 100
_LOG = logging.getLogger(__name__)


class Ticker:
    """Looks again and again; several of them, in several processes, share the work."""

    name = "ticker"

    def __init__(
        self,
        database: Database,
        *,
        unit_of: Callable[[Transaction], UnitOfWork],
        every_seconds: float,
    ) -> None:
        self._database = database
        self._unit_of = unit_of
        self._every_seconds = every_seconds
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
            except (Unavailable, Conflict) as error:
                _LOG.warning("due clocks wait", extra={"error": error.code})
                more = False
            if not more:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._draining.wait(), self._every_seconds)

    async def once(self) -> int:
        """Judge what is due; return how many tickets that were."""
        async with self._database.transaction() as transaction:
            judged = await judge_due(self._unit_of(transaction), BATCH)
            failpoints.hit(BEFORE_COMMIT)
        failpoints.hit(AFTER_COMMIT)
        return judged
