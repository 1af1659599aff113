"""A unit of work on the runtime's transaction: rows and events together, or nothing."""

from datetime import datetime
from functools import cached_property

from otklik_runtime.database import Transaction
from otklik_sla.adapters.definitions import PostgresDefinitions
from otklik_sla.adapters.stories import PostgresStories
from otklik_sla.domain.ticket_events import TicketEvent
from otklik_sla.wire.saying import message_of, occurred_at


class SlaUnit:
    """One transaction of sla."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    @property
    def now(self) -> datetime:
        """Give the one moment of this unit."""
        return self._transaction.now

    @cached_property
    def definitions(self) -> PostgresDefinitions:
        """Give calendars and policies."""
        return PostgresDefinitions(self._transaction.connection)

    @cached_property
    def stories(self) -> PostgresStories:
        """Give tickets' stories."""
        return PostgresStories(self._transaction.connection)

    def record(self, event: TicketEvent) -> None:
        """Say that something happened, when it did."""
        self._transaction.record(
            message_of(event),
            aggregate_id=event.conversation_id,
            occurred_at=occurred_at(event),
        )
