"""A unit of work on the runtime's transaction: rows and events together, or nothing."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property

from otklik_notify.adapters.repository import (
    PostgresAccounts,
    PostgresAcknowledgements,
    PostgresDeliveries,
    PostgresThreads,
)
from otklik_notify.domain.events import Event
from otklik_notify.wire import message_of
from otklik_runtime.database import Transaction


class NotifyUnit:
    """One transaction of notify."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    @property
    def now(self) -> datetime:
        """Give the one moment of this unit."""
        return self._transaction.now

    @cached_property
    def acknowledgements(self) -> PostgresAcknowledgements:
        """Give the acknowledgements."""
        return PostgresAcknowledgements(self._transaction.connection)

    @cached_property
    def accounts(self) -> PostgresAccounts:
        """Give the accounts."""
        return PostgresAccounts(self._transaction.connection)

    @cached_property
    def threads(self) -> PostgresThreads:
        """Give the threads."""
        return PostgresThreads(self._transaction.connection)

    @cached_property
    def deliveries(self) -> PostgresDeliveries:
        """Give the deliveries."""
        return PostgresDeliveries(self._transaction.connection)

    def record(self, event: Event) -> None:
        """Say that something happened; it is told in the trace of its delivery."""
        self._transaction.record(
            message_of(event),
            aggregate_id=event.conversation_id,
            traceparent=event.traceparent,
        )

    def on_commit(self, action: Callable[[], None]) -> None:
        """Run something small once the unit is durable."""
        self._transaction.on_commit(action)
