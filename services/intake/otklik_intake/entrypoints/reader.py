"""The reader: takes what the doors have stored and turns it into `MessageReceived`.

It is woken by each commit of the reception and looks by itself twice a second, for what other
replicas stored. Two lanes run side by side: tame originals in batches, heavy ones each alone, so
that a huge or hostile mail never makes another wait. An item that fails is singled out; if it fails
alone, it is quarantined, and the rest goes on.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from otklik_intake.domain.items import StoredItem
from otklik_intake.domain.letter import Content, Unreadable
from otklik_intake.handlers.read_waiting import ReadBatch, read_waiting
from otklik_intake.ports import OpenUnit, Parse, Parser
from otklik_runtime import failpoints, metrics, telemetry
from otklik_runtime.errors import Conflict, Unavailable

BEFORE_COMMIT = failpoints.register("intake.reader_before_commit")
AFTER_COMMIT = failpoints.register("intake.reader_after_commit")

READ = metrics.declare(
    "otklik.intake.read",
    "counter",
    "{message}",
    "Originals read.",
    attributes=("outcome",),
)
FORGED = metrics.declare(
    "otklik.intake.forged_tokens",
    "counter",
    "{token}",
    "Thread tokens that look like ours and were not signed by us.",
)

BATCH = 100
POLL_SECONDS = 0.5
RETRY_SECONDS = 0.5
AWAY = "the database does not answer"
CRASHED = "crashed_the_reader"

_LOG = logging.getLogger(__name__)


class Reader:
    """Reads stored originals; an Entrypoint."""

    name = "reader"

    def __init__(
        self,
        open_unit: OpenUnit,
        parser: Parser,
        *,
        conversation_of: Callable[[str], str | None],
    ) -> None:
        """Build the reader.

        Args:
            open_unit: Opens a transaction.
            parser: Reads originals.
            conversation_of: The conversation a thread token stands for; None if it is not ours.
        """
        self._open_unit = open_unit
        self._parser = parser
        self._conversation_of = conversation_of
        self._wakes = (asyncio.Event(), asyncio.Event())
        self._draining = False
        self._failing: str | None = "has not begun to read"

    def wake(self) -> None:
        """Say that something was stored."""
        for one in self._wakes:
            one.set()

    async def run(self) -> None:
        """Read until drained."""
        while not await self._begun():
            pass
        lanes = [
            asyncio.create_task(self._lane(heavy=False), name="read tame"),
            asyncio.create_task(self._lane(heavy=True), name="read heavy"),
        ]
        try:
            await asyncio.gather(*lanes)
        finally:
            for lane in lanes:
                lane.cancel()

    async def _begun(self) -> bool:
        """Tell the parser when this process began to read; False while the database is away."""
        try:
            async with self._open_unit() as unit:
                self._parser.begin(unit.now)
        except Unavailable:
            self._failing = AWAY
            await asyncio.sleep(RETRY_SECONDS)
            return self._draining
        self._failing = None
        return True

    async def drain(self) -> None:
        """Finish what is being read; what is stored waits for the next process."""
        self._draining = True
        self.wake()

    def ready(self) -> str | None:
        """Say whether originals can be read at the moment."""
        return self._failing

    async def _lane(self, *, heavy: bool) -> None:
        wake = self._wakes[heavy]
        while not self._draining:
            wake.clear()
            if not await self._pass(heavy=heavy):
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await wake.wait()

    async def _pass(self, *, heavy: bool) -> bool:
        """Read one batch; say whether to look again at once."""
        taken: list[str] = []
        error, batch = await self._tried(taken, heavy=heavy, limit=1 if heavy else BATCH)
        if error is None:
            self._failing = None
            return batch.size > 0
        if not self._is_guilt(error):
            await asyncio.sleep(RETRY_SECONDS)
            return True
        _LOG.error("a batch could not be read; its items are tried alone", exc_info=error)
        for item_id in taken:
            await self._alone(item_id, heavy=heavy)
        return True

    async def _alone(self, item_id: str, *, heavy: bool) -> None:
        """Read one item by itself, and quarantine it if that fails too."""
        error, _ = await self._tried([], heavy=heavy, limit=1, among=[item_id])
        if error is not None and self._is_guilt(error):
            _LOG.error("an item could not be read", exc_info=error, extra={"item_id": item_id})
            await self._tried([], heavy=heavy, limit=1, among=[item_id], parse=_give_up)

    def _is_guilt(self, error: BaseException) -> bool:
        """Say whether an error is an item's fault, rather than that of the moment."""
        self._failing = AWAY if isinstance(error, Unavailable) else None
        return not isinstance(error, (Unavailable, Conflict))

    async def _tried(
        self,
        taken: list[str],
        *,
        heavy: bool,
        limit: int,
        among: Sequence[str] | None = None,
        parse: Parse | None = None,
    ) -> tuple[BaseException | None, ReadBatch]:
        """Read in one transaction; note which items were taken, and return an error as a value."""
        parse = parse or self._parser.parse
        reading = asyncio.create_task(
            self._read(taken, heavy=heavy, limit=limit, among=among, parse=parse)
        )
        await asyncio.wait({reading})
        error = reading.exception()
        return error, ReadBatch() if error is not None else reading.result()

    async def _read(
        self,
        taken: list[str],
        *,
        heavy: bool,
        limit: int,
        among: Sequence[str] | None,
        parse: Parse,
    ) -> ReadBatch:
        async def noted(items: Sequence[StoredItem]) -> list[Content]:
            taken.extend(item.item_id for item in items)
            return await parse(items)

        async with self._open_unit() as unit:
            batch = await read_waiting(
                unit,
                parse=noted,
                conversation_of=self._conversation_of,
                heavy=heavy,
                limit=limit,
                among=among,
            )
            if batch.size:
                failpoints.hit(BEFORE_COMMIT)
        if batch.size:
            failpoints.hit(AFTER_COMMIT)
            _count(batch)
        return batch


async def _give_up(items: Sequence[StoredItem]) -> list[Content]:
    return [Unreadable(reason=CRASHED) for _ in items]


def _count(batch: ReadBatch) -> None:
    if batch.received:
        telemetry.count(READ, batch.received, outcome="received")
    if batch.quarantined:
        telemetry.count(READ, batch.quarantined, outcome="quarantined")
    if batch.forged_tokens:
        telemetry.count(FORGED, batch.forged_tokens)
