"""Take what is due and write down what came of it: the two ends of every attempt.

Between them lies the outside world. What is taken is marked `sending`, and that mark is committed
before the first byte leaves; what came of it is written with the event that tells others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from otklik_notify.domain.delivery import Delivery, Result
from otklik_notify.domain.events import DeliveryFailed
from otklik_notify.domain.mail import Mail
from otklik_notify.ports import UnitOfWork


@dataclass(frozen=True, kw_only=True)
class Concluded:
    """What a unit has written down, for the one who counts.

    Attributes:
        waited: For each accepted delivery, how long it took from queued to accepted, in seconds.
        failed: For each failed one, why.
        again: How many will be tried again.
    """

    waited: tuple[float, ...] = ()
    failed: tuple[str, ...] = ()
    again: int = 0


async def take(unit: UnitOfWork, *, limit: int, lease: timedelta) -> list[tuple[Delivery, Mail]]:
    """Begin an attempt for everything that is due, at most `limit`."""
    taken = await unit.deliveries.take(unit.now, limit)
    for delivery, _ in taken:
        delivery.begin(unit.now, lease=lease)
    await unit.deliveries.save([delivery for delivery, _ in taken])
    return taken


async def conclude(unit: UnitOfWork, results: Sequence[Result]) -> Concluded:
    """Write down what came of attempts, and say which deliveries have ended."""
    deliveries = await unit.deliveries.lock({result.delivery_id for result in results})
    waited: list[float] = []
    failed: list[str] = []
    again = 0
    for result in results:
        delivery = deliveries.get(result.delivery_id)
        if delivery is None:
            continue
        event = delivery.conclude(result, unit.now)
        if event is None:
            again += 1
            continue
        unit.record(event)
        if isinstance(event, DeliveryFailed):
            failed.append(event.reason)
        else:
            waited.append((unit.now - delivery.created_at).total_seconds())
    await unit.deliveries.save(list(deliveries.values()))
    return Concluded(waited=tuple(waited), failed=tuple(failed), again=again)
