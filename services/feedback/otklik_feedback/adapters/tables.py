"""Feedback's tables. The newest migration makes them so; this file says what they mean."""

from sqlalchemy import Column, Date, DateTime, Index, Integer, Table, Text, Uuid, text

from otklik_runtime.database import metadata

METADATA = metadata()
_ID = Uuid(as_uuid=False)
_INSTANT = DateTime(timezone=True)

NOT_ENDED = text("ended_at is null")

surveys = Table(
    "surveys",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("ticket_id", _ID, nullable=False),
    Column("ticket_number", Text, nullable=False),
    Column("conversation_id", _ID, nullable=False),
    Column("customer_id", _ID, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("locale", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("skip_reason", Text, nullable=False),
    Column("invited_at", _INSTANT, nullable=False),
    Column("expires_at", _INSTANT, nullable=False),
    Column("score", Integer, nullable=False),
    Column("comment", Text, nullable=False),
    Column("rated_at", _INSTANT),
    Column("settles_at", _INSTANT),
    Column("ended_at", _INSTANT),
    Index("ix_surveys_ticket_id", "ticket_id", postgresql_where=NOT_ENDED),
    Index("ix_surveys_invited_at_id", "invited_at", "id"),
    Index("ix_surveys_conversation_id_invited_at_id", "conversation_id", "invited_at", "id"),
)

# The beginning of the reports: who opened what, what was received, who was kept waiting.
tickets = Table(
    "tickets",
    METADATA,
    Column("ticket_id", _ID, primary_key=True),
    Column("ticket_number", Text, nullable=False),
    Column("conversation_id", _ID, nullable=False),
    Column("customer_id", _ID, nullable=False),
    Column("service", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("opened_at", _INSTANT, nullable=False),
)

received = Table(
    "received",
    METADATA,
    Column("day", Date, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("message_count", Integer, nullable=False),
)

breaches = Table(
    "breaches",
    METADATA,
    Column("clock_id", _ID, primary_key=True),
    Column("ticket_id", _ID, nullable=False),
    Column("kind", Text, nullable=False),
    Column("due_at", _INSTANT, nullable=False),
    Index("ix_breaches_ticket_id", "ticket_id"),
)
