"""The sender: takes what is due, hands it over, writes down what came of it.

Three kinds of task, so that one slow answer holds up nobody else. One takes deliveries, as many as
there is room for, and commits that they are being sent. The hands carry one mail each. One writes
down all results there are, in one transaction with the events that tell others.

A mail can leave twice only if the process dies between the server's answer and the commit of its
result: then the lease runs out, and whoever finds it sends it again, in doubt, under the same
Message-ID.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanKind

from otklik_notify.domain.delivery import Delivery, Result, Verdict
from otklik_notify.domain.mail import Mail
from otklik_notify.entrypoints import counting
from otklik_notify.handlers.deliver import conclude, take
from otklik_notify.ports import Carrier, UnitOfWork
from otklik_runtime import failpoints, story, telemetry
from otklik_runtime.database import Database, Transaction
from otklik_runtime.errors import Conflict, Unavailable

BEFORE_SENDING_MARK = failpoints.register("notify.before_sending_mark")
AFTER_SENDING_MARK = failpoints.register("notify.after_sending_mark")
AFTER_SERVER_ACCEPTED = failpoints.register("notify.after_server_accepted")
BEFORE_RESULT_COMMIT = failpoints.register("notify.before_result_commit")
AFTER_RESULT_COMMIT = failpoints.register("notify.after_result_commit")

POLL_SECONDS = 0.5
TOGETHER_SECONDS = 0.02
"""How long the result of one attempt waits for those of others."""
PREFETCH = 8
"""Deliveries taken for each hand: the next one waits while one is carried."""
_AWAY_SECONDS = 0.5

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Taken:
    """A delivery in hand, and until when it is surely ours."""

    delivery: Delivery
    mail: Mail
    ours_until: float


class Sender:
    """Sends everything that is due; several of them, in several processes, share the work.

    Args:
        database: Notify's own.
        unit_of: Makes a unit of work of a transaction.
        carrier: Hands mails over.
        hands: How many mails are handed over at once.
        lease: After how long without an answer a sender counts as dead.
    """

    name = "sender"

    def __init__(
        self,
        database: Database,
        *,
        unit_of: Callable[[Transaction], UnitOfWork],
        carrier: Carrier,
        hands: int,
        lease: timedelta,
    ) -> None:
        self._database = database
        self._unit_of = unit_of
        self._carrier = carrier
        self._hands = hands
        self._lease = lease
        # Half of the lease for waiting in hand, half for the attempt itself.
        self._attempt = lease / 2
        self._room = hands * PREFETCH
        self._in_hand = 0
        self._draining = False
        self._due = asyncio.Event()
        self._taken: asyncio.Queue[_Taken] = asyncio.Queue()
        self._results: asyncio.Queue[Result] = asyncio.Queue()

    def wake(self) -> None:
        """Say that something was queued or that a hand is free."""
        self._due.set()

    def ready(self) -> str | None:
        """Always ready: while the mail server is away, deliveries wait in the database."""
        return None

    async def drain(self) -> None:
        """Take nothing more, and let what is in hand end; what is not begun is given back."""
        self._draining = True
        self._due.set()

    async def run(self) -> None:
        """Send until drained."""
        workers = [
            asyncio.create_task(self._carry(), name=f"sender hand {number}")
            for number in range(self._hands)
        ]
        writer = asyncio.create_task(self._conclude(), name="sender results")
        taker = asyncio.create_task(self._take(), name="sender queue")
        parts: list[asyncio.Task[None]] = [taker, writer, *workers]
        try:
            # All but the taker go on for ever: whichever ends first has failed, or it is the end.
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in parts:
                if part.done():
                    part.result()
            while self._in_hand:
                await asyncio.wait({writer, *workers}, timeout=0.02)
        finally:
            for part in parts:
                part.cancel()
            for part in parts:
                with suppress(asyncio.CancelledError):
                    await part

    async def _take(self) -> None:
        while not self._draining:
            self._due.clear()
            free = self._room - self._in_hand
            # Below half there is enough to do, and taking single ones costs a transaction each.
            worth_it = free >= self._room // 2
            taken = 0
            if worth_it:
                try:
                    taken = await self._take_some(free)
                except (Unavailable, Conflict) as error:
                    _LOG.warning("deliveries cannot be taken", extra={"error": error.code})
            if not worth_it or taken < free:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._due.wait(), POLL_SECONDS)

    async def _take_some(self, limit: int) -> int:
        ours_until = _monotonic() + (self._lease - self._attempt).total_seconds()
        async with self._database.transaction() as transaction:
            begun = await take(self._unit_of(transaction), limit=limit, lease=self._lease)
            if begun:
                failpoints.hit(BEFORE_SENDING_MARK)
        if begun:
            failpoints.hit(AFTER_SENDING_MARK)
        counting.begun(in_doubt=sum(delivery.in_doubt for delivery, _ in begun))
        self._in_hand += len(begun)
        for delivery, mail in begun:
            self._taken.put_nowait(_Taken(delivery=delivery, mail=mail, ours_until=ours_until))
        return len(begun)

    async def _carry(self) -> None:
        while True:
            taken = await self._taken.get()
            if self._draining or _monotonic() > taken.ours_until:
                result = Result(
                    delivery_id=taken.delivery.id,
                    attempt=taken.delivery.attempt_count,
                    verdict=Verdict.NOT_BEGUN,
                )
            else:
                result = await self._attempted(taken)
            self._results.put_nowait(result)

    async def _attempted(self, taken: _Taken) -> Result:
        parent = story.read(taken.delivery.traceparent)
        context = None if parent is None else trace.set_span_in_context(NonRecordingSpan(parent))
        attributes: dict[str, str | int] = {
            "otklik.delivery.id": taken.delivery.id,
            "otklik.delivery.template": taken.delivery.template,
            "otklik.delivery.attempt": taken.delivery.attempt_count,
        }
        with telemetry.tracer.start_as_current_span(
            "smtp send", context=context, kind=SpanKind.CLIENT, attributes=attributes
        ) as span:
            try:
                async with asyncio.timeout(self._attempt.total_seconds()):
                    result = await self._carrier.carry(taken.delivery, taken.mail)
            except TimeoutError:
                result = Result(
                    delivery_id=taken.delivery.id,
                    attempt=taken.delivery.attempt_count,
                    verdict=Verdict.RETRY,
                    reason="server_too_slow",
                    detail="server_too_slow",
                    in_doubt=True,
                )
            span.set_attribute("otklik.delivery.verdict", str(result.verdict))
            result = replace(result, traceparent=story.current())
        if result.verdict is Verdict.ACCEPTED:
            failpoints.hit(AFTER_SERVER_ACCEPTED)
        return result

    async def _conclude(self) -> None:
        while True:
            results = [await self._results.get()]
            if self._in_hand > len(results):
                # Others are about to end: one transaction for all of them costs a fifth.
                await asyncio.sleep(TOGETHER_SECONDS)
            while not self._results.empty():
                results.append(self._results.get_nowait())
            await self._write_down(results)
            self._in_hand -= len(results)
            self.wake()

    async def _write_down(self, results: list[Result]) -> None:
        """Write results down; while the database is away nobody else knows them, so try again."""
        while True:
            try:
                async with self._database.transaction() as transaction:
                    written = await conclude(self._unit_of(transaction), results)
                    failpoints.hit(BEFORE_RESULT_COMMIT)
            except Conflict:
                continue
            except Unavailable as error:
                _LOG.warning("results cannot be written down", extra={"error": error.code})
                await asyncio.sleep(_AWAY_SECONDS)
            else:
                failpoints.hit(AFTER_RESULT_COMMIT)
                counting.concluded(written)
                return


def _monotonic() -> float:
    return asyncio.get_running_loop().time()
