"""The tables of tickets' database. The first migration makes them; a test holds the two together.

Enumerations are kept as the numbers of the contract, ids as UUID, absent text as ''. The three
tables of the message path have no foreign keys among them: their rows are made together, each by
one statement of one transaction, and never deleted; checking them would cost a third of it all.
"""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import BigInteger

from otklik_runtime.database import metadata

METADATA = metadata()

_ID = Uuid(as_uuid=False)
_TIME = DateTime(timezone=True)

customers = Table(
    "customers",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("segment", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("version", Integer, nullable=False),
)

customer_identities = Table(
    "customer_identities",
    METADATA,
    Column("channel", SmallInteger, primary_key=True, autoincrement=False),
    Column("address", Text, primary_key=True),
    Column("customer_id", _ID, nullable=False),
    Column("verified", Boolean, nullable=False),
    Index("ix_customer_identities_customer_id", "customer_id"),
)

tickets = Table(
    "tickets",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("number", Text, nullable=False),
    Column("conversation_id", _ID, nullable=False),
    Column("proposed_conversation_id", _ID),
    Column("customer_id", _ID, nullable=False),
    Column("partner_id", _ID),
    Column("service", Text, nullable=False),
    Column("request_type", Text, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("impact", SmallInteger, nullable=False),
    Column("urgency", SmallInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("state_meaning", SmallInteger, nullable=False),
    Column("subject", Text, nullable=False),
    Column("assignee_id", _ID),
    Column("channel", SmallInteger, nullable=False),
    Column("locale", Text, nullable=False),
    Column("reply_channel", SmallInteger),
    Column("reply_account", Text, nullable=False),
    Column("reply_address", Text, nullable=False),
    Column("internet_message_id", Text, nullable=False),
    Column("last_customer_message_id", _ID, nullable=False),
    Column("automatic", Boolean, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("opened_at", _TIME, nullable=False),
    Column("changed_at", _TIME, nullable=False),
    Column("resolved_at", _TIME),
    Column("version", Integer, nullable=False),
    UniqueConstraint("number"),
    UniqueConstraint("conversation_id"),
    Index(
        "ix_tickets_proposed_conversation_id",
        "proposed_conversation_id",
        postgresql_where=text("proposed_conversation_id is not null"),
    ),
    Index("ix_tickets_changed_at", text("changed_at desc"), text("id desc")),
    Index(
        "ix_tickets_open",
        text("changed_at desc"),
        text("id desc"),
        postgresql_where=text("state_meaning < 4"),
    ),
    Index("ix_tickets_customer_id", "customer_id", text("changed_at desc"), text("id desc")),
    Index(
        "ix_tickets_assignee_id",
        "assignee_id",
        text("changed_at desc"),
        text("id desc"),
        postgresql_where=text("assignee_id is not null"),
    ),
    Index(
        "ix_tickets_partner_id",
        "partner_id",
        text("changed_at desc"),
        text("id desc"),
        postgresql_where=text("partner_id is not null"),
    ),
)

public_messages = Table(
    "public_messages",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("ticket_id", _ID, nullable=False),
    Column("author_kind", SmallInteger, nullable=False),
    Column("author_id", Text, nullable=False),
    Column("author_display_name", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("channel", SmallInteger, nullable=False),
    Column("automatic", Boolean, nullable=False),
    Column("delivery_state", Text, nullable=False),
    Column("attachments", JSONB, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Index("ix_public_messages_ticket_id", "ticket_id", "created_at", "id"),
)

internal_notes = Table(
    "internal_notes",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("ticket_id", _ID, ForeignKey("tickets.id"), nullable=False),
    Column("author_kind", SmallInteger, nullable=False),
    Column("author_id", Text, nullable=False),
    Column("author_display_name", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Index("ix_internal_notes_ticket_id", "ticket_id", "created_at", "id"),
)

ticket_clocks = Table(
    "ticket_clocks",
    METADATA,
    Column("ticket_id", _ID, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("instance", Integer, primary_key=True, autoincrement=False),
    Column("due_at", _TIME),
    Column("breached", Boolean, nullable=False),
)

segments = Table(
    "segments",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("display_name", JSONB, nullable=False),
    Column("impact", SmallInteger, nullable=False),
    Column("is_default", Boolean, nullable=False),
    Index("uq_segments_is_default", "is_default", unique=True, postgresql_where=text("is_default")),
)

request_types = Table(
    "request_types",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("display_name", JSONB, nullable=False),
    Column("states", JSONB, nullable=False),
    Column("transitions", JSONB, nullable=False),
)

services = Table(
    "services",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    Column("display_name", JSONB, nullable=False),
    Column("content", JSONB, nullable=False),
    Column("terms", JSONB, nullable=False),
    Column("territory", JSONB, nullable=False),
    Column("default_urgency", SmallInteger, nullable=False),
    Column("request_type", Text, ForeignKey("request_types.name"), nullable=False),
    Column("keywords", ARRAY(Text), nullable=False),
)

priority_cells = Table(
    "priority_cells",
    METADATA,
    Column("impact", SmallInteger, primary_key=True, autoincrement=False),
    Column("urgency", SmallInteger, primary_key=True, autoincrement=False),
    Column("priority", SmallInteger, nullable=False),
)

# One row. Every change of the catalogue adds one, so a process knows whether its copy is current.
catalogue_versions = Table(
    "catalogue_versions",
    METADATA,
    Column("singleton", Boolean, primary_key=True),
    Column("version", BigInteger, nullable=False),
)

agents = Table(
    "agents",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("locale", Text, nullable=False),
    Column("created_at", _TIME, nullable=False),
    UniqueConstraint("subject"),
    Index("ix_agents_display_name", "display_name", "id"),
)

partners = Table(
    "partners",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("public_key_pem", Text, nullable=False),
    Column("created_at", _TIME, nullable=False),
)

sessions = Table(
    "sessions",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("token_hash", LargeBinary, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject_id", _ID, nullable=False),
    Column("conversation_id", _ID),
    Column("locale", Text, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("expires_at", _TIME, nullable=False),
    Column("revoked_at", _TIME),
    UniqueConstraint("token_hash"),
    Index("ix_sessions_expires_at", "expires_at"),
)

used_assertions = Table(
    "used_assertions",
    METADATA,
    Column("issuer", Text, primary_key=True),
    Column("assertion_id", Text, primary_key=True),
    Column("expires_at", _TIME, nullable=False),
    Index("ix_used_assertions_expires_at", "expires_at"),
)
