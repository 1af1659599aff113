"""The runtime's tables, versioned definitions, stories with their facts, clocks."""

from alembic import op

from otklik_runtime.migrations import runtime_tables

revision = "0001"

STATEMENTS = (
    """
    create table calendars (
        name text not null,
        version integer not null,
        document jsonb not null,
        created_at timestamptz not null,
        constraint pk_calendars primary key (name, version)
    )
    """,
    """
    create table policies (
        name text not null,
        version integer not null,
        document jsonb not null,
        created_at timestamptz not null,
        constraint pk_policies primary key (name, version)
    )
    """,
    """
    create table stories (
        conversation_id uuid not null,
        ticket_id uuid,
        judged_at timestamptz,
        due_at timestamptz,
        constraint pk_stories primary key (conversation_id)
    )
    """,
    "create unique index uq_stories_ticket_id on stories (ticket_id) where ticket_id is not null",
    "create index ix_stories_due_at on stories (due_at) where due_at is not null",
    """
    create table facts (
        conversation_id uuid not null,
        fact_id text not null,
        kind text not null,
        occurred_at timestamptz not null,
        sequence bigint not null,
        detail jsonb not null,
        constraint pk_facts primary key (conversation_id, fact_id)
    )
    """,
    """
    create table clocks (
        id uuid not null,
        conversation_id uuid not null,
        kind text not null,
        instance integer not null,
        state text not null,
        policy text not null,
        calendar text not null,
        target_seconds bigint not null,
        started_at timestamptz not null,
        due_at timestamptz,
        met_at timestamptz,
        breached_at timestamptz,
        ended_at timestamptz,
        constraint pk_clocks primary key (id)
    )
    """,
    "create index ix_clocks_conversation_id on clocks (conversation_id)",
)


def upgrade() -> None:
    runtime_tables(op)
    for statement in STATEMENTS:
        op.execute(statement)
