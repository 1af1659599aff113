"""The timer of acknowledgements: whose clocks did not come in time leaves without a deadline."""

from collections.abc import Callable

from otklik_notify.entrypoints import counting
from otklik_notify.handlers.tell import acknowledge_overdue
from otklik_notify.ports import Desk, UnitOfWork
from otklik_runtime import failpoints
from otklik_runtime.database import Database, Transaction
from otklik_runtime.timer import Timer

BEFORE_COMMIT = failpoints.register("notify.before_overdue_commit")
AFTER_COMMIT = failpoints.register("notify.after_overdue_commit")

EVERY_SECONDS = 1.0
BATCH = 100


def acknowledger(
    database: Database,
    *,
    unit_of: Callable[[Transaction], UnitOfWork],
    desk: Desk,
    queued: Callable[[], None],
) -> Timer:
    """Make the timer that lets go what waited long enough.

    Args:
        database: Notify's own.
        unit_of: Makes a unit of work of a transaction.
        desk: What telling people needs.
        queued: Called after a commit that queued something.
    """

    async def let_go() -> bool:
        async with database.transaction() as transaction:
            result = await acknowledge_overdue(unit_of(transaction), desk, BATCH)
            failpoints.hit(BEFORE_COMMIT)
        failpoints.hit(AFTER_COMMIT)
        counting.told(result)
        if result.queued:
            queued()
        return len(result.acknowledgements) == BATCH

    return Timer("acknowledger", let_go, every_seconds=EVERY_SECONDS)
