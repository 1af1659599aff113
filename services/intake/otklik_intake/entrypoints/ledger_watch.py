"""Says every few seconds what is pending and for how long: the alarm that something is stuck."""

from otklik_intake.domain.items import ItemState
from otklik_intake.ports import OpenUnit, Views
from otklik_runtime import metrics, telemetry
from otklik_runtime.timer import Timer

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


def ledger_watch(views: Views, open_unit: OpenUnit) -> Timer:
    """Make the timer that measures the ledger."""

    async def measure() -> bool:
        balances = await views.ledger()
        async with open_unit() as unit:
            now = unit.now
        ages = [
            (now - balance.oldest_pending_at).total_seconds()
            for balance in balances
            if balance.oldest_pending_at is not None
        ]
        telemetry.gauge(PENDING_AGE, max(ages, default=0.0))
        for metric, state in ((PENDING, ItemState.PENDING), (QUARANTINED, ItemState.QUARANTINED)):
            telemetry.gauge(metric, sum(balance.counts.get(state, 0) for balance in balances))
        return False

    return Timer("ledger watch", measure, every_seconds=EVERY_SECONDS)
