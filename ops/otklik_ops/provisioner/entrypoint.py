"""Runs the keeper every two seconds for as long as the process lives."""

import asyncio
import logging
import time

from otklik_ops.provisioner.keeper import Keeper, Pass
from otklik_runtime import metrics, telemetry
from otklik_runtime.errors import NotFound, Unavailable

logger = logging.getLogger(__name__)

EVERY_SECONDS = 2.0
SOON_SECONDS = 0.2
# So many passes may fail before we say that the broker is not in our hands.
STALE_SECONDS = 5 * EVERY_SECONDS

CREATED = metrics.declare(
    "otklik.provisioner.created", "counter", "{definition}", "Streams and durables that were made."
)
CORRECTED = metrics.declare(
    "otklik.provisioner.corrected",
    "counter",
    "{definition}",
    "Streams and durables that somebody had changed and that were put right.",
)
WRONG = metrics.declare(
    "otklik.provisioner.wrong",
    "gauge",
    "{definition}",
    "Streams and durables that differ and cannot be put right in place; above 0 is an alert.",
)


class Provisioner:
    """The entrypoint that keeps streams and consumers as they must be."""

    name = "provisioner"

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._draining = asyncio.Event()
        self._looked_at: float | None = None
        self._why_not = "the first look at the broker has not ended"

    async def run(self) -> None:
        """Look, correct, wait, until drained."""
        while not self._draining.is_set():
            await self._look()
            try:
                await asyncio.wait_for(self._draining.wait(), self._pause())
            except TimeoutError:
                continue

    async def drain(self) -> None:
        """Begin no further look; the one under way ends by itself."""
        self._draining.set()

    def ready(self) -> str | None:
        """Say why the definitions may not be right at this moment, or nothing when they are."""
        if self._looked_at is None or time.monotonic() - self._looked_at > STALE_SECONDS:
            return self._why_not
        return None

    def _pause(self) -> float:
        # Whoever starts everything at once waits for the first good look.
        return SOON_SECONDS if self._looked_at is None else EVERY_SECONDS

    async def _look(self) -> None:
        try:
            found = await self._keeper.look()
        except Unavailable as reason:
            if self._why_not != reason.message:
                logger.warning("the broker does not answer", extra={"why": str(reason)})
            self._why_not = reason.message
            return
        except NotFound as reason:
            # A stream that goes away between the look at it and the one at its durables.
            logger.warning("something vanished during the look", extra={"why": str(reason)})
            self._why_not = reason.message
            self._looked_at = None
            return
        self._count(found)
        if found.wrong:
            self._why_not = f"cannot be corrected in place: {', '.join(found.wrong)}"
            self._looked_at = None
            return
        self._why_not = "the last good look at the broker was too long ago"
        self._looked_at = time.monotonic()

    def _count(self, found: Pass) -> None:
        telemetry.count(CREATED, len(found.created))
        telemetry.count(CORRECTED, len(found.corrected))
        telemetry.gauge(WRONG, len(found.wrong))
