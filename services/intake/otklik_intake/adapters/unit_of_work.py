"""A unit of work on the runtime's transaction: rows and events together, or nothing."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from functools import cached_property

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanKind

from otklik_intake.adapters.repository import PostgresAccounts, PostgresItems, PostgresThreadMemory
from otklik_intake.domain.events import DomainEvent
from otklik_intake.wire import event_message
from otklik_runtime import story, telemetry
from otklik_runtime.database import Database, Transaction


class IntakeUnit:
    """One transaction of intake."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._started_ns = time.time_ns()

    @property
    def now(self) -> datetime:
        """The one moment of this unit."""
        return self._transaction.now

    @cached_property
    def items(self) -> PostgresItems:
        """The ledger."""
        return PostgresItems(self._transaction.connection)

    @cached_property
    def threads(self) -> PostgresThreadMemory:
        """The memory of Message-IDs."""
        return PostgresThreadMemory(self._transaction.connection)

    @cached_property
    def accounts(self) -> PostgresAccounts:
        """The channel accounts."""
        return PostgresAccounts(self._transaction.connection)

    def record(self, event: DomainEvent, *, traceparent: str = "") -> None:
        """Say that something happened; the trace of the message goes on in it."""
        message, aggregate_id, occurred_at = event_message(event)
        self._transaction.record(
            message,
            aggregate_id=aggregate_id,
            occurred_at=occurred_at,
            traceparent=self._shown(message.DESCRIPTOR.name, traceparent),
        )

    def _shown(self, name: str, traceparent: str) -> str:
        """Show the work in the trace the message came in with; an unsampled one makes no span."""
        parent = story.read(traceparent)
        if parent is None or not parent.trace_flags.sampled:
            return traceparent
        span = telemetry.tracer.start_span(
            f"read message, say {name}",
            context=trace.set_span_in_context(NonRecordingSpan(parent)),
            kind=SpanKind.INTERNAL,
            start_time=self._started_ns,
        )
        # Ended by the commit only: what was rolled back did not happen.
        self._transaction.on_commit(span.end)
        return story.written(span.get_span_context())


def unit_opener(database: Database) -> Callable[[], AbstractAsyncContextManager[IntakeUnit]]:
    """Return what opens a unit of work on this database."""

    @asynccontextmanager
    async def open_unit() -> AsyncIterator[IntakeUnit]:
        async with database.transaction() as transaction:
            yield IntakeUnit(transaction)

    return open_unit
