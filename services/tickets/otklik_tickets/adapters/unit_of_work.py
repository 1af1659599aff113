"""One transaction of the runtime, as the verbs see it: rows, events and marks commit together."""

from datetime import datetime

from otklik_runtime.database import Transaction
from otklik_tickets import wire
from otklik_tickets.adapters.repository import (
    CatalogueCopy,
    PostgresCustomers,
    PostgresDesk,
    PostgresDirectory,
    PostgresSessions,
    PostgresTickets,
)
from otklik_tickets.domain.events import Event


class PostgresUnitOfWork:
    """The ports of one open transaction."""

    def __init__(self, transaction: Transaction, copy: CatalogueCopy) -> None:
        """Wrap an open transaction."""
        self._transaction = transaction
        connection = transaction.connection
        self.tickets = PostgresTickets(connection)
        self.customers = PostgresCustomers(connection)
        self.desk = PostgresDesk(connection, copy)
        self.directory = PostgresDirectory(connection)
        self.sessions = PostgresSessions(connection)

    @property
    def now(self) -> datetime:
        """The one moment of this unit of work."""
        return self._transaction.now

    def record(self, event: Event) -> None:
        """Say this when the transaction commits."""
        self._transaction.record(
            wire.event_message(event),
            aggregate_id=event.aggregate_id,
            occurred_at=event.occurred_at,
            actor=str(event.actor),
            cause=event.cause,
        )
