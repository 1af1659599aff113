"""A unit of work on the runtime's transaction: rows and events together, or nothing."""

from datetime import datetime
from functools import cached_property

from otklik_feedback.adapters.repository import PostgresRecords, PostgresSurveys
from otklik_feedback.domain import Event, RatingGiven
from otklik_feedback.wire import message_of
from otklik_runtime.database import Transaction


class FeedbackUnit:
    """One transaction of feedback."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    @property
    def now(self) -> datetime:
        """Give the one moment of this unit."""
        return self._transaction.now

    @cached_property
    def surveys(self) -> PostgresSurveys:
        """Give the surveys."""
        return PostgresSurveys(self._transaction.connection)

    @cached_property
    def records(self) -> PostgresRecords:
        """Give the records."""
        return PostgresRecords(self._transaction.connection)

    def record(self, event: Event) -> None:
        """Say that something happened; a rating is the customer's act."""
        self._transaction.record(
            message_of(event),
            aggregate_id=event.conversation_id,
            actor=f"customer/{event.customer_id}" if isinstance(event, RatingGiven) else "",
        )
