"""Reading another service's events: a batch, one transaction, the acknowledgement.

A batch of up to 100 is handled whole. If it fails it is halved until the event that fails stands
alone; only that one
is judged by its error. Order within an aggregate is kept by version, not by arrival.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import protovalidate
from nats.errors import Error as NatsError
from opentelemetry import trace
from opentelemetry.trace import Link, NonRecordingSpan, SpanKind

from otklik_runtime import dead_letters, envelope, failpoints, history, inbox, story, telemetry
from otklik_runtime.dead_letters import DeadLetter
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
GAP_PATIENCE = timedelta(seconds=60)
"""How long a missing version is waited for before the owner is asked for it."""
MARK_LIFE = timedelta(days=30)
PRUNE_EVERY_SECONDS = 600.0
_CONFLICT_ATTEMPTS = 8
_DELAYS = (1.0, 2.0, 5.0, 15.0, 30.0, 120.0, 600.0)
_PROGRESS_SECONDS = 15.0

_LOG = logging.getLogger(__name__)
_TRACER = trace.get_tracer("otklik")
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
    ) -> None:
        """Describe the reader; `run` reads.

        Args:
            bus: The connection to NATS.
            database: The reader's own.
            reader: The reading service.
            owner: The service whose events are read.
            translate: For each message type of interest, what it asks of the service. Returns None
            for nothing,
                raises InvalidInput for what can never be handled.
            handle: Does all of a batch's commands, in stream order, in the given transaction.
            read_events: Asks the owner for events that never came.
        """
        self.name = f"subscription {owner}"
        self.stream = envelope.stream_of(owner)
        self.owner = owner
        self._bus = bus
        self._database = database
        self._reader = reader
        self._translate: Mapping[str, Callable[[Incoming], Any]] = {
            kind.DESCRIPTOR.full_name: function for kind, function in translate.items()
        }
        self._wanted = {kind.DESCRIPTOR.full_name: kind for kind in translate}
        self._handle = handle
        self._read_events = read_events
        self._draining = False
        self._missing: str | None = "has not begun to read"
        self._gap_since: dict[str, float] = {}

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
        finally:
            pruning.cancel()
            with suppress(asyncio.CancelledError):
                await pruning

    @property
    def _durable(self) -> str:
        return envelope.durable_of(self._reader, self.owner)

    async def _read(self) -> None:
        jetstream: JetStreamContext = await self._bus.jetstream()
        await jetstream.consumer_info(self.stream, self._durable)
        pull = await jetstream.pull_subscribe_bind(consumer=self._durable, stream=self.stream)
        self._missing = None
        empty = 0
        try:
            while not self._draining:
                try:
                    messages = await pull.fetch(BATCH, timeout=FETCH_SECONDS)
                except TimeoutError:
                    # Silence and a vanished consumer look alike: ask now and then which it is.
                    empty += 1
                    if empty % 5 == 0:
                        await jetstream.consumer_info(self.stream, self._durable)
                    continue
                await self._batch(messages)
        finally:
            with suppress(NatsError, OSError):
                await pull.unsubscribe()

    async def _batch(self, messages: Sequence[Msg]) -> None:
        together: list[_Delivered] = []
        alone: list[_Delivered] = []
        now = await self._patient(messages, self._database.now)
        for raw in messages:
            delivered = await self._decoded(raw, now)
            if delivered is not None:
                (alone if delivered.event.delivery_count > ALONE_AFTER else together).append(
                    delivered
                )
        if together:
            await self._attempt(together)
        for delivered in alone:
            await self._attempt([delivered])

    async def _decoded(self, raw: Msg, now: datetime) -> _Delivered | None:
        """Read one message, or set it aside."""
        facts = raw.metadata
        count = int(facts.num_delivered or 1)
        try:
            event = envelope.incoming(
                raw.headers,
                raw.data,
                wanted=self._wanted,
                stream=self.stream,
                sequence=int(facts.sequence.stream),
                delivery_count=count,
            )
        except InvalidInput as error:
            await self._bury(raw, error.code, error.message)
            return None
        if now - event.recorded_at > TOO_OLD:
            await self._bury(raw, "too_old", f"recorded more than {TOO_OLD.days} days ago")
            return None
        if count > UNHANDLED_AFTER:
            await self._bury(
                raw, "crashed_the_reader", f"delivered {count} times without an answer"
            )
            return None
        return _Delivered(raw=raw, event=event)

    async def _attempt(self, batch: list[_Delivered]) -> None:
        """Handle a batch, halving it around whatever fails."""
        try:
            await self._patient([one.raw for one in batch], lambda: self._apply(batch))
        except Exception as error:  # noqa: BLE001 - an edge of the runtime: one bad event must not stop the rest
            if len(batch) > 1:
                middle = len(batch) // 2
                await self._attempt(batch[:middle])
                await self._attempt(batch[middle:])
            else:
                await self._failed(batch[0], error)

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
                if error.code != "database_unavailable" or self._draining:
                    raise
                await asyncio.sleep(0.5)
            if time.monotonic() - told > _PROGRESS_SECONDS:
                told = time.monotonic()
                for raw in messages:
                    with suppress(NatsError):
                        await raw.in_progress()

    async def _apply(self, batch: list[_Delivered]) -> None:
        by_id = {one.event.event_id: one for one in batch}
        spans = _Spans([one.event for one in batch], self.owner)
        with spans:
            async with self._database.transaction() as transaction:
                transaction.caused_by(spans.causes)
                events = [one.event for one in batch]
                verdicts = await inbox.judge(
                    transaction.connection, self.owner, events, now=transaction.now
                )
                commands = [
                    command for event in verdicts.apply for command in self._commands(event)
                ]
                if commands:
                    await self._handle(transaction, commands)
                # The events before the marks: everywhere the same order of locks.
                await transaction.flush()
                settled = verdicts.apply + verdicts.duplicate
                await inbox.advance(transaction.connection, self.owner, settled)
        telemetry.count("otklik.inbox.applied", len(verdicts.apply), owner=self.owner)
        if verdicts.duplicate:
            telemetry.count("otklik.inbox.duplicates", len(verdicts.duplicate), owner=self.owner)
        failpoints.hit(BEFORE_ACK)
        for event in settled:
            self._gap_since.pop(event.aggregate_id, None)
            await by_id[event.event_id].raw.ack()
        failpoints.hit(AFTER_ACK)
        for event in verdicts.deferred:
            await self._defer(by_id[event.event_id])

    def _commands(self, event: Incoming) -> list[Any]:
        function = self._translate.get(event.type)
        if function is None:
            return []
        try:
            protovalidate.validate(event.message)
        except protovalidate.ValidationError as error:
            fields = ", ".join(sorted(violation.proto.rule_id for violation in error.violations))
            message = f"{event.type} breaks its own contract: {fields}"
            raise InvalidInput("invalid_event", message) from error
        command = function(event)
        return [] if command is None else [command]

    async def _failed(self, one: _Delivered, error: Exception) -> None:
        """Decide about an event that failed alone, by the kind of its error."""
        if isinstance(error, Unavailable) and error.code == "database_unavailable":
            return
        if isinstance(error, (InvalidInput, RuleBroken, Forbidden, Unauthenticated)):
            await self._bury(one.raw, error.code, error.message)
            return
        if not isinstance(error, OtklikError):
            _LOG.error("an event's handler failed", exc_info=error, extra={"type": one.event.type})
        telemetry.count(
            "otklik.subscription.failures", owner=self.owner, error=type(error).__name__
        )
        if one.event.delivery_count >= UNHANDLED_AFTER:
            code = error.code if isinstance(error, OtklikError) else "handler_failed"
            text = error.message if isinstance(error, OtklikError) else type(error).__name__
            await self._bury(one.raw, code, text)
            return
        await one.raw.nak(delay=_delay(one.event.delivery_count))

    async def _defer(self, one: _Delivered) -> None:
        """Wait for the versions before this one; after a minute ask their owner and go on."""
        event = one.event
        since = self._gap_since.setdefault(event.aggregate_id, time.monotonic())
        telemetry.count("otklik.inbox.deferred", owner=self.owner)
        if (
            time.monotonic() - since < GAP_PATIENCE.total_seconds()
            and event.delivery_count < UNHANDLED_AFTER
        ):
            await one.raw.nak(delay=_delay(event.delivery_count))
            return
        try:
            await self._close_gap(event.aggregate_id)
        except Unavailable:
            _LOG.warning(
                "a gap cannot be closed: the owner does not answer", extra={"stream": self.stream}
            )
        await one.raw.nak(delay=0.1)

    async def _close_gap(self, aggregate_id: str) -> None:
        """Read what is missing from its owner and apply it as if it had arrived."""
        if self._read_events is None:
            return
        async with self._database.read() as connection:
            row = await connection.exec_driver_sql(
                "select version from seen_versions where owner = $1 and aggregate_id = $2::uuid",
                (self.owner, aggregate_id),
            )
            newest = int(row.scalar() or 0)
        for event in await self._read_events(aggregate_id, newest):
            await self.apply_one(history.incoming(event, wanted=self._wanted, owner=self.owner))
        self._gap_since.pop(aggregate_id, None)
        telemetry.count("otklik.inbox.gaps_closed", owner=self.owner)

    async def apply_one(self, event: Incoming) -> None:
        """Apply one event that did not come from the stream; set it aside if that fails."""
        try:
            async with self._database.transaction() as transaction:
                verdicts = await inbox.judge(
                    transaction.connection, self.owner, [event], now=transaction.now
                )
                commands = [command for one in verdicts.apply for command in self._commands(one)]
                if commands:
                    await self._handle(transaction, commands)
                await transaction.flush()
                await inbox.advance(transaction.connection, self.owner, [event])
        except (InvalidInput, RuleBroken, Forbidden, Unauthenticated) as error:
            async with self._database.transaction() as transaction:
                await dead_letters.bury(
                    transaction.connection.exec_driver_sql,
                    _letter_of(event, error.code, error.message),
                    now=transaction.now,
                    reader=self._reader,
                )

    async def replay(self, transaction: Transaction, event: Incoming) -> None:
        """Handle a dead letter's event now; its version was counted when it was set aside."""
        await transaction.connection.exec_driver_sql(
            "insert into inbox (event_id, handled_at) values ($1::uuid, $2::timestamptz)"
            " on conflict do nothing",
            (event.event_id, transaction.now),
        )
        commands = self._commands(event)
        if commands:
            await self._handle(transaction, commands)

    @property
    def wanted(self) -> Mapping[str, type[Message]]:
        """The message types this reader has a use for, by full name."""
        return self._wanted

    async def _bury(self, raw: Msg, reason: str, error: str) -> None:
        letter = DeadLetter(reason=reason, error=error, **_letter_facts(raw))

        async def keep() -> None:
            async with self._database.transaction() as transaction:
                await dead_letters.bury(
                    transaction.connection.exec_driver_sql,
                    letter,
                    now=transaction.now,
                    reader=self._reader,
                )

        await self._patient([raw], keep)
        await raw.ack()

    async def _prune(self) -> None:
        while True:
            await asyncio.sleep(PRUNE_EVERY_SECONDS)
            with suppress(OtklikError):
                async with self._database.transaction() as transaction:
                    await inbox.prune(
                        transaction.connection, before=transaction.now - MARK_LIFE, limit=10_000
                    )


def _letter_facts(raw: Msg) -> dict[str, Any]:
    return {
        "stream": raw.metadata.stream,
        "sequence": int(raw.metadata.sequence.stream),
        "subject": raw.subject,
        "headers": dict(raw.headers or {}),
        "payload": raw.data,
        "delivery_count": int(raw.metadata.num_delivered or 1),
    }


def _letter_of(event: Incoming, reason: str, error: str) -> DeadLetter:
    headers = {
        "ce-id": event.event_id,
        "ce-type": event.type,
        "ce-subject": event.aggregate_id,
        "ce-sequence": str(event.version),
        "ce-time": event.occurred_at.isoformat(),
        "ce-recordedtime": event.recorded_at.isoformat(),
        "ce-actor": event.actor,
        "traceparent": event.traceparent,
    }
    return DeadLetter(
        stream=event.stream,
        sequence=event.sequence,
        subject=f"{envelope.subject_prefix(event.type)}.{event.aggregate_id}",
        headers=headers,
        payload=event.message.SerializeToString(),
        reason=reason,
        error=error,
        delivery_count=event.delivery_count,
    )


def _delay(delivery_count: int) -> float:
    return _DELAYS[min(delivery_count, len(_DELAYS)) - 1]


class _Spans:
    """The spans of one batch: one per sampled message in its story, one linked to all."""

    def __init__(self, events: Sequence[Incoming], owner: str) -> None:
        self.causes: dict[str, story.Cause] = {}
        self._spans: list[trace.Span] = []
        links: list[Link] = []
        for event in events:
            parent = story.read(event.traceparent)
            traceparent = event.traceparent
            if parent is not None and parent.trace_flags.sampled:
                links.append(Link(parent))
                span = _TRACER.start_span(
                    f"process {envelope.subject_prefix(event.type)}",
                    context=trace.set_span_in_context(NonRecordingSpan(parent)),
                    kind=SpanKind.CONSUMER,
                    attributes=_attributes(event, owner),
                )
                self._spans.append(span)
                traceparent = story.written(span.get_span_context())
            cause = story.Cause(event_id=event.event_id, traceparent=traceparent)
            self.causes[event.event_id] = cause
            self.causes[event.aggregate_id] = cause
        if links:
            self._spans.append(
                _TRACER.start_span(
                    f"process batch {envelope.stream_of(owner)}",
                    context=trace.set_span_in_context(trace.INVALID_SPAN),
                    kind=SpanKind.CONSUMER,
                    links=links,
                    attributes={
                        "messaging.system": "nats",
                        "messaging.operation.name": "process",
                        "messaging.batch.message_count": len(events),
                    },
                )
            )

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        for span in self._spans:
            if kind is not None:
                span.set_attribute("error.type", kind.__name__)
                span.set_status(trace.StatusCode.ERROR)
            span.end()


def _attributes(event: Incoming, owner: str) -> dict[str, str | int]:
    return {
        "messaging.system": "nats",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": envelope.stream_of(owner),
        "messaging.destination.template": f"{envelope.subject_prefix(event.type)}.{{id}}",
        "messaging.message.id": event.event_id,
        "messaging.message.conversation_id": event.aggregate_id,
        "otklik.delivery_count": event.delivery_count,
    }
