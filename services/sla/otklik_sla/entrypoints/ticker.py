"""The timer: finds the clocks whose time has come, by an index, on any replica, each once."""

from collections.abc import Callable

from otklik_runtime import failpoints
from otklik_runtime.database import Database, Transaction
from otklik_runtime.timer import Timer
from otklik_sla.handlers import judge_due
from otklik_sla.ports import UnitOfWork

BEFORE_COMMIT = failpoints.register("sla.before_due_commit")
AFTER_COMMIT = failpoints.register("sla.after_due_commit")

BATCH = 100


def ticker(
    database: Database, *, unit_of: Callable[[Transaction], UnitOfWork], every_seconds: float
) -> Timer:
    """Make the timer that judges what is due."""

    async def judge() -> bool:
        async with database.transaction() as transaction:
            judged = await judge_due(unit_of(transaction), BATCH)
            failpoints.hit(BEFORE_COMMIT)
        failpoints.hit(AFTER_COMMIT)
        return judged == BATCH

    return Timer("ticker", judge, every_seconds=every_seconds)
