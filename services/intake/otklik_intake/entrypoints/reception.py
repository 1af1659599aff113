"""Group commit: messages that arrive together share one transaction.

Every door hands its arrivals in here and gets the answer when they are durable. The first of a
group waits two milliseconds for others; a full group does not wait. One arrival that cannot be
stored never takes its neighbours with it: the group is tried again one by one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from otklik_intake.domain.errors import DoorClosed, RequestIdReused
from otklik_intake.domain.items import Arrival, Receipt
from otklik_intake.ports import OpenUnit, UnitOfWork
from otklik_runtime import failpoints, metrics, telemetry
from otklik_runtime.errors import Conflict, OtklikError, Unavailable

BEFORE_COMMIT = failpoints.register("intake.before_commit")
AFTER_COMMIT = failpoints.register("intake.after_commit_before_reply")

RECEIVED = metrics.declare(
    "otklik.intake.received",
    "counter",
    "{message}",
    "Messages acknowledged to their senders.",
    attributes=("channel", "repeated"),
)
GROUP = metrics.declare(
    "otklik.intake.commit_groups", "counter", "{group}", "Transactions that stored messages."
)

GATHER_SECONDS = 0.002
MAX_GROUP = 64
MAX_GROUP_BYTES = 32 * 1024 * 1024
ANSWER_SECONDS = 30.0
_CONFLICT_ATTEMPTS = 5

_LOG = logging.getLogger(__name__)

Receive = Callable[[UnitOfWork, Sequence[Arrival]], Awaitable[list[Receipt | RequestIdReused]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Waiting:
    """One arrival and who waits for its receipt."""

    arrival: Arrival
    answer: "asyncio.Future[Receipt]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Reception:
    """Stores arrivals in groups."""

    def __init__(
        self, open_unit: OpenUnit, receive: Receive, *, stored: Callable[[], None]
    ) -> None:
        """Build the reception.

        Args:
            open_unit: Opens a transaction.
            receive: Stores a group of arrivals in it.
            stored: Called after each commit: the reader has something to read.
        """
        self._open_unit = open_unit
        self._receive = receive
        self._stored = stored
        self._waiting: list[_Waiting] = []
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._groups: set[asyncio.Task[None]] = set()

    async def receive(self, arrival: Arrival) -> Receipt:
        """Store one arrival and return when it is durable.

        Raises:
            RequestIdReused: its id came before with another content.
            DoorClosed: nothing can be stored now; the sender tries again and is recognised.
        """
        waiting = _Waiting(arrival=arrival)
        self._waiting.append(waiting)
        self._bytes += arrival.size_bytes
        if len(self._waiting) >= MAX_GROUP or self._bytes >= MAX_GROUP_BYTES:
            self._begin()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._begin)
        try:
            # Shielded: who hangs up now may come again, and must find what was stored.
            async with asyncio.timeout(ANSWER_SECONDS):
                return await asyncio.shield(waiting.answer)
        except TimeoutError:
            raise DoorClosed from None

    async def drain(self) -> None:
        """Store what waits and let the commits under way finish."""
        self._begin()
        while self._groups:
            await asyncio.wait(set(self._groups))

    def _begin(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            group, self._waiting, self._bytes = self._waiting, [], 0
            task = asyncio.create_task(self._store(group), name="store arrivals")
            self._groups.add(task)
            task.add_done_callback(self._groups.discard)

    async def _store(self, group: list[_Waiting]) -> None:
        """Store a group; what fails together is tried one by one, so that only the guilty fails."""
        commit = asyncio.create_task(self._commit([one.arrival for one in group]))
        await asyncio.wait({commit})
        error = commit.exception()
        if error is None:
            failpoints.hit(AFTER_COMMIT)
            for one, result in zip(group, commit.result(), strict=True):
                _settle(one, result)
        elif len(group) == 1 or isinstance(error, Unavailable):
            for one in group:
                _settle(one, _told(error))
        else:
            for one in group:
                await self._store([one])

    async def _commit(self, arrivals: list[Arrival]) -> list[Receipt | RequestIdReused]:
        for attempt in range(_CONFLICT_ATTEMPTS):
            try:
                async with self._open_unit() as unit:
                    results = await self._receive(unit, arrivals)
                    failpoints.hit(BEFORE_COMMIT)
            except Conflict:
                if attempt + 1 == _CONFLICT_ATTEMPTS:
                    raise
                await asyncio.sleep(0.01 * (attempt + 1))
            else:
                break
        self._stored()
        telemetry.count(GROUP)
        return results


def _told(error: BaseException) -> BaseException:
    """Turn what went wrong inside into what a sender is told; a bug is written down first."""
    if isinstance(error, RequestIdReused):
        return error
    if not isinstance(error, OtklikError):
        _LOG.error("an arrival could not be stored", exc_info=error)
    return DoorClosed()


def _settle(one: _Waiting, result: Receipt | BaseException) -> None:
    if isinstance(result, Receipt):
        telemetry.count(RECEIVED, channel=one.arrival.key.channel, repeated=not result.fresh)
    if one.answer.done():
        return
    if isinstance(result, BaseException):
        one.answer.set_exception(result)
        # Whoever waited may have gone: an answer nobody fetches is no bug.
        one.answer.exception()
    else:
        one.answer.set_result(result)
