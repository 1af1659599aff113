"""Reading another service's events: a batch, one transaction, the acknowledgement.

A batch of up to 100 is handled whole. If it fails it is halved until the event that fails stands
alone; only that one is judged by its error. Order within an aggregate is kept by version, not by
arrival.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from nats.errors import Error as NatsError

from otklik_runtime import dead_letters, envelope, failpoints, history, inbox, telemetry
from otklik_runtime.applying import Applier
from otklik_runtime.envelope import Incoming
from otklik_runtime.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    OtklikError,
    RuleBroken,
    Unauthenticated,
    Unavailable,
)
from otklik_runtime.gaps import PATIENCE, Gaps
from otklik_runtime.pulling import Pull

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from google.protobuf.message import Message
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

    from otklik.ops.v1.ops_service_pb2 import RecordedEvent
    from otklik_runtime.bus import Bus
    from otklik_runtime.database import Database, Transaction

BEFORE_ACK = failpoints.register("subscription.before_ack")
AFTER_ACK = failpoints.register("subscription.after_ack")

BATCH = 100
FETCH_SECONDS = 1.0
ALONE_AFTER = 3
"""An event delivered more often is handled by itself."""
UNHANDLED_AFTER = 8
"""An event delivered more often is set aside unhandled: it may be what kills the process."""
TOO_OLD = timedelta(days=28)
"""Older events are refused: inbox marks live 30 days."""
PRUNE_EVERY_SECONDS = 600.0
_CONFLICT_ATTEMPTS = 8
_DELAYS = (1.0, 2.0, 5.0, 15.0, 30.0, 120.0, 600.0)
_PROGRESS_SECONDS = 15.0

_LOG = logging.getLogger(__name__)
_Command = TypeVar("_Command")


class ReadEvents(Protocol):
    """Asks an owner for the events of one aggregate that came after a version, oldest first.

    Raises:
        Unavailable: the owner does not answer.
    """

    async def __call__(self, aggregate_id: str, after_version: int) -> list[RecordedEvent]:
        """Read them."""


@dataclass(frozen=True, kw_only=True)
class _Delivered:
    """One message with what the broker says of it."""

    raw: Msg
    event: Incoming


class Subscription:
    """A durable reader of one owner's stream."""

    def __init__(
        self,
        *,
        bus: Bus,
        database: Database,
        reader: str,
        owner: str,
        translate: Mapping[type[Message], Callable[[Incoming], _Command | None]],
        handle: Callable[[Transaction, Sequence[_Command]], Awaitable[None]],
        read_events: ReadEvents | None = None,
        patience: timedelta = PATIENCE,
    ) -> None:
        """Describe the reader; `run` reads.

        Args:
            bus: The connection to NATS.
            database: The reader's own.
            reader: The reading service.
            owner: The service whose events are read.
            translate: For each message type of interest, what it asks of the service. Returns None
                for nothing, raises InvalidInput for what can never be handled.
            handle: Does all of a batch's commands, in stream order, in the given transaction.
            read_events: Asks the owner for events that never came.
            patience: How long they are waited for before.
        """
        self.name = f"subscription {owner}"
        self.stream = envelope.stream_of(owner)
        self.owner = owner
        self._bus = bus
        self._database = database
        self._durable = envelope.durable_of(reader, owner)
        self._applier = Applier(
            database=database, reader=reader, owner=owner, translate=translate, handle=handle
        )
        self._read_events = read_events
        self._draining = False
        self._missing: str | None = "has not begun to read"
        self._gaps = Gaps(patience=patience)

    @property
    def wanted(self) -> Mapping[str, type[Message]]:
        """The message types this reader has a use for, by full name."""
        return self._applier.wanted

    async def replay(self, transaction: Transaction, event: Incoming) -> None:
        """Handle a dead letter's event now; its version was counted when it was set aside."""
        await self._applier.replay(transaction, event)

    def ready(self) -> str | None:
        """Return None while the durable consumer answers, else what is missing."""
        return self._missing

    async def drain(self) -> None:
        """Finish the batch in hand and read no more."""
        self._draining = True

    async def run(self) -> None:
        """Read until drained, whatever the broker does."""
        pruning = asyncio.create_task(self._prune(), name=f"prune inbox {self.owner}")
        try:
            while not self._draining:
                try:
                    await self._read()
                except (TimeoutError, NatsError, OSError) as error:
                    self._missing = (
                        f"consumer {self._durable} does not answer; is otklik-provisioner up?"
                    )
                    telemetry.count("otklik.subscription.interruptions", owner=self.owner)
                    _LOG.warning(
                        "reading interrupted",
                        extra={"stream": self.stream, "error": type(error).__name__},
                    )
                    await asyncio.sleep(0.5)
                except Unavailable:
                    # Only while draining; what is in hand comes again.
                    _LOG.warning("the database is away at the end", extra={"stream": self.stream})
        finally:
            pruning.cancel()
            with suppress(asyncio.CancelledError):
                await pruning

    async def _read(self) -> None:
        jetstream: JetStreamContext = await self._bus.jetstream()
        await jetstream.consumer_info(self.stream, self._durable)
        client = await self._bus.client()
        pull = await Pull(client, stream=self.stream, durable=self._durable, batch=BATCH).open()
        self._missing = None
        empty = 0
        try:
            while not self._draining:
                messages = await pull.fetch(seconds=FETCH_SECONDS)
                if messages:
                    await self._batch(messages)
                    continue
                # Silence and a vanished consumer look alike: ask now and then which it is.
                empty += 1
                if empty % 5 == 0:
                    await jetstream.consumer_info(self.stream, self._durable)
        finally:
            with suppress(NatsError, OSError):
                await pull.close()

    async def _batch(self, messages: Sequence[Msg]) -> None:
        together: list[_Delivered] = []
        alone: list[_Delivered] = []
        suspects: list[_Delivered] = []
        now = await self._patient(messages, self._database.nearly_now)
        for raw in messages:
            delivered = await self._decoded(raw, now)
            if delivered is None:
                continue
            if delivered.event.delivery_count > UNHANDLED_AFTER:
                suspects.append(delivered)
            elif delivered.event.delivery_count > ALONE_AFTER:
                alone.append(delivered)
            else:
                together.append(delivered)
        self._compare_clocks(together, now)
        # First, while it still shows that one of them waits for another of this batch.
        for delivered in suspects:
            await self._suspect(delivered)
        if together:
            await self._attempt(together)
        for delivered in alone:
            await self._attempt([delivered])

    async def _decoded(self, raw: Msg, now: datetime) -> _Delivered | None:
        """Read one message, or set it aside."""
        delivered = int(raw.metadata.num_delivered or 1)
        try:
            event = envelope.incoming(
                raw.headers,
                raw.data,
                wanted=self.wanted,
                stream=self.stream,
                sequence=int(raw.metadata.sequence.stream),
                # To be put off is no sign of doing harm.
                delivery_count=delivered - self._gaps.put_off(_id_of(raw)),
            )
        except InvalidInput as error:
            await self._set_aside(raw, error.code, error.message)
            return None
        if now - event.recorded_at > TOO_OLD:
            text = f"recorded more than {TOO_OLD.days} days ago"
            await self._set_aside(raw, "too_old", text)
            return None
        return _Delivered(raw=raw, event=event)

    async def _suspect(self, one: _Delivered) -> None:
        """Do not handle what may be what kills the process; what never was handled is innocent."""
        verdicts = await self._patient([one.raw], lambda: self._applier.look(one.event))
        if verdicts.apply and not self._gaps.may_have_been_handled(one.event):
            await self._attempt([one])
        elif verdicts.apply:
            text = f"delivered {one.event.delivery_count} times without an answer"
            await self._set_aside(one.raw, "crashed_the_reader", text)
        else:
            await self._answer([one], verdicts)

    def _compare_clocks(self, batch: Sequence[_Delivered], now: datetime) -> None:
        ahead = [(one.event.recorded_at - now).total_seconds() for one in batch]
        telemetry.gauge("otklik.clock.skew", max([0.0, *ahead]), owner=self.owner)

    async def _attempt(self, batch: list[_Delivered]) -> None:
        """Handle a batch, halving it around whatever fails."""
        try:
            verdicts = await self._patient(
                [one.raw for one in batch],
                lambda: self._applier.apply([one.event for one in batch]),
            )
        except Exception as error:  # noqa: BLE001 - an edge of the runtime: one bad event must not stop the rest
            if _is_away(error):
                return
            if len(batch) > 1:
                middle = len(batch) // 2
                await self._attempt(batch[:middle])
                await self._attempt(batch[middle:])
            else:
                await self._failed(batch[0], error)
            return
        failpoints.hit(BEFORE_ACK)
        await self._answer(batch, verdicts)

    async def _patient(self, messages: Sequence[Msg], work: Callable[[], Awaitable[Any]]) -> Any:
        """Do work again while the database is away or others are faster; keep the messages."""
        conflicts = 0
        told = time.monotonic()
        while True:
            try:
                return await work()
            except Conflict:
                conflicts += 1
                if conflicts >= _CONFLICT_ATTEMPTS:
                    raise
                await asyncio.sleep(0.01 * conflicts)
            except Unavailable as error:
                if not _is_away(error) or self._draining:
                    raise
                await asyncio.sleep(0.5)
            if time.monotonic() - told > _PROGRESS_SECONDS:
                told = time.monotonic()
                for raw in messages:
                    with suppress(NatsError):
                        await raw.in_progress()

    async def _answer(self, batch: Sequence[_Delivered], verdicts: inbox.Verdicts) -> None:
        """Tell the broker what became of each message, after it has."""
        # By place: the same event may be in the stream twice.
        by_place = {one.event.sequence: one for one in batch}
        for event in verdicts.apply:
            self._gaps.applied(event)
        for event in verdicts.settled:
            self._gaps.settle(event)
            await by_place[event.sequence].raw.ack()
        failpoints.hit(AFTER_ACK)
        for event in verdicts.deferred:
            await self._defer(by_place[event.sequence])

    async def _failed(self, one: _Delivered, error: Exception) -> None:
        """Decide about an event that failed alone, by the kind of its error."""
        self._tell(error, one.event.type)
        if _is_hopeless(error, one.event.delivery_count):
            await self._set_aside(one.raw, *_reason(error))
        else:
            await one.raw.nak(delay=_delay(one.event.delivery_count))

    def _tell(self, error: Exception, type_name: str) -> None:
        if isinstance(error, (InvalidInput, RuleBroken, Forbidden, Unauthenticated)):
            return  # the dead letter tells it
        if not isinstance(error, OtklikError):
            _LOG.error("an event's handler failed", exc_info=error, extra={"type": type_name})
        telemetry.count(
            "otklik.subscription.failures", owner=self.owner, error=type(error).__name__
        )

    async def _defer(self, one: _Delivered) -> None:
        """Wait for the versions before this one; when that was long enough, ask their owner."""
        telemetry.count("otklik.inbox.deferred", owner=self.owner)
        delay = self._gaps.delay(one.event, int(one.raw.metadata.num_delivered or 1))
        if delay is None:
            try:
                await self._close_gap(one)
                delay = self._gaps.close(one.event.aggregate_id)
            except Exception as error:  # noqa: BLE001 - an edge of the runtime: others must go on
                self._tell(error, one.event.type)
                delay = self._gaps.again()
        await one.raw.nak(delay=delay)

    async def _close_gap(self, one: _Delivered) -> None:
        """Read what is missing from its owner and apply it as if it had arrived."""
        if self._read_events is None:
            raise Unavailable("no_way_to_ask", f"nothing here can ask {self.owner} for its events")
        aggregate_id = one.event.aggregate_id
        newest = await self._applier.newest(aggregate_id)
        for recorded in await self._read_events(aggregate_id, newest):
            await self._apply_missing(recorded, one)
        if (await self._applier.look(one.event)).deferred:
            await self._applier.jump(one.event)
        telemetry.count("otklik.inbox.gaps_closed", owner=self.owner)

    async def _apply_missing(self, recorded: RecordedEvent, waiting: _Delivered) -> None:
        try:
            event = history.incoming(recorded, wanted=self.wanted, owner=self.owner)
            await self._patient([waiting.raw], lambda: self._applier.apply([event]))
        except Exception as error:
            if not _is_hopeless(error, int(waiting.raw.metadata.num_delivered or 1)):
                raise
            self._tell(error, recorded.type)
            letter = dead_letters.of_recorded(recorded, self.owner, *_reason(error))
            await self._patient([waiting.raw], lambda: self._applier.bury(letter))

    async def _set_aside(self, raw: Msg, reason: str, error: str) -> None:
        letter = dead_letters.of_message(raw, reason, error)
        await self._patient([raw], lambda: self._applier.bury(letter))
        await raw.ack()

    async def _prune(self) -> None:
        while True:
            await asyncio.sleep(PRUNE_EVERY_SECONDS)
            with suppress(OtklikError):
                await self._applier.prune()


def _id_of(raw: Msg) -> str:
    return (raw.headers or {}).get("ce-id", "")


def _is_away(error: Exception) -> bool:
    """Say whether nothing is known to have happened, because the reader's database is away."""
    return isinstance(error, Unavailable) and error.code == "database_unavailable"


def _is_hopeless(error: Exception, delivery_count: int) -> bool:
    if _is_away(error):
        return False
    return delivery_count >= UNHANDLED_AFTER or isinstance(
        error, (InvalidInput, RuleBroken, Forbidden, Unauthenticated)
    )


def _reason(error: Exception) -> tuple[str, str]:
    """Return why, as a stable word and in words without personal data."""
    if isinstance(error, OtklikError):
        return error.code, error.message
    return "handler_failed", type(error).__name__


def _delay(delivery_count: int) -> float:
    return _DELAYS[min(delivery_count, len(_DELAYS)) - 1]
