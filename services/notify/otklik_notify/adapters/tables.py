"""Notify's tables. The newest migration makes them so; this file says what they mean."""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from otklik_runtime.database import metadata

METADATA = metadata()
_ID = Uuid(as_uuid=False)
_INSTANT = DateTime(timezone=True)

OPEN = text("state in ('queued', 'sending')")
AUTOMATIC = text("automatic <> ''")
WAITING = text("outcome = 'waiting'")

# One row for each ticket, for ever: what makes the acknowledgement one. What it needs to be written
# is forgotten when it is settled.
acknowledgements = Table(
    "acknowledgements",
    METADATA,
    Column("ticket_id", _ID, primary_key=True),
    Column("conversation_id", _ID, nullable=False),
    Column("opened", JSONB(none_as_null=True)),
    Column("deadlines", JSONB(none_as_null=True)),
    Column("due_at", _INSTANT),
    Column("outcome", Text, nullable=False),
    Index("ix_acknowledgements_due_at", "due_at", postgresql_where=WAITING),
)

accounts = Table(
    "accounts",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("display_names", JSONB, nullable=False),
    Column("reply_account", Text, nullable=False),
)

threads = Table(
    "threads",
    METADATA,
    Column("conversation_id", _ID, primary_key=True),
    Column("message_ids", ARRAY(Text), nullable=False),
    Column("newest_customer_mail", Text, nullable=False),
)

deliveries = Table(
    "deliveries",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("conversation_id", _ID, nullable=False),
    Column("template", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt_count", Integer, nullable=False),
    Column("in_doubt", Boolean, nullable=False),
    Column("due_at", _INSTANT, nullable=False),
    Column("last_error", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", _INSTANT, nullable=False),
    Column("accepted_at", _INSTANT),
    Column("traceparent", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("envelope_sender", Text, nullable=False),
    Column("from_name", Text, nullable=False),
    Column("from_address", Text, nullable=False),
    Column("reply_to", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("internet_message_id", Text, nullable=False),
    Column("in_reply_to", Text, nullable=False),
    Column("thread_references", ARRAY(Text), nullable=False),
    Column("automatic", Text, nullable=False),
    Index("ix_deliveries_due_at", "due_at", postgresql_where=OPEN),
    Index(
        "ix_deliveries_recipient_created_at",
        "recipient",
        "created_at",
        postgresql_where=AUTOMATIC,
    ),
    Index("ix_deliveries_created_at_id", "created_at", "id"),
    Index("ix_deliveries_conversation_id_created_at_id", "conversation_id", "created_at", "id"),
)
