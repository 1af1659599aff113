"""Says every few seconds what is pending and for how long: the alarm that something is stuck."""

import asyncio
import logging
from contextlib import suppress

from otklik_intake.domain.items import ItemState
from otklik_intake.ports import OpenUnit, Views
from otklik_runtime import metrics, telemetry
from otklik_runtime.errors import OtklikError

EVERY_SECONDS = 15.0
PENDING = metrics.declare(
    "otklik.intake.pending", "gauge", "{message}", "Messages tickets has not answered for yet."
)
PENDING_AGE = metrics.declare(
    "otklik.intake.pending_oldest_age", "gauge", "s", "How long the oldest of them waits."
)
QUARANTINED = metrics.declare(
    "otklik.intake.quarantined", "gauge", "{message}", "Messages that wait for a person."
)

_LOG = logging.getLogger(__name__)


class LedgerWatch:
    """Measures the ledger; an Entrypoint."""

    name = "ledger watch"

    def __init__(self, views: Views, open_unit: OpenUnit) -> None:
        self._views = views
        self._open_unit = open_unit
        self._drained = asyncio.Event()

    async def run(self) -> None:
        """Measure until drained."""
        while not self._drained.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS):
                    await self._drained.wait()
            if not self._drained.is_set():
                await self._measure()

    async def drain(self) -> None:
        """Stop."""
        self._drained.set()

    def ready(self) -> str | None:
        """It never keeps anything waiting."""
        return None

    async def _measure(self) -> None:
        try:
            balances = await self._views.ledger()
            async with self._open_unit() as unit:
                now = unit.now
        except OtklikError as error:
            _LOG.warning("the ledger cannot be measured", extra={"reason": error.code})
            return
        ages = [
            (now - balance.oldest_pending_at).total_seconds()
            for balance in balances
            if balance.oldest_pending_at is not None
        ]
        telemetry.gauge(PENDING_AGE, max(ages, default=0.0))
        for metric, state in ((PENDING, ItemState.PENDING), (QUARANTINED, ItemState.QUARANTINED)):
            telemetry.gauge(metric, sum(balance.counts.get(state, 0) for balance in balances))
