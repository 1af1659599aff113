"""The runtime's tables, the surveys, and the beginning of the reports."""

from alembic import op

from otklik_runtime.migrations import runtime_tables

revision = "0001"

STATEMENTS = (
    """
    create table surveys (
        id uuid not null,
        ticket_id uuid not null,
        ticket_number text not null,
        conversation_id uuid not null,
        customer_id uuid not null,
        agent_id text not null,
        episode integer not null,
        locale text not null,
        state text not null,
        skip_reason text not null,
        invited_at timestamptz not null,
        expires_at timestamptz not null,
        score integer not null,
        comment text not null,
        rated_at timestamptz,
        settles_at timestamptz,
        ended_at timestamptz,
        constraint pk_surveys primary key (id),
        constraint uq_surveys_ticket_id_episode unique (ticket_id, episode),
        constraint ck_surveys_state check (state in ('invited', 'rated', 'skipped')),
        constraint ck_surveys_score check (score between 0 and 5),
        constraint ck_surveys_rated check ((state = 'rated') = (score > 0))
    )
    """,
    "create index ix_surveys_ticket_id on surveys (ticket_id) where ended_at is null",
    "create index ix_surveys_invited_at_id on surveys (invited_at, id)",
    """
    create index ix_surveys_conversation_id_invited_at_id
        on surveys (conversation_id, invited_at, id)
    """,
    """
    create table tickets (
        ticket_id uuid not null,
        ticket_number text not null,
        conversation_id uuid not null,
        customer_id uuid not null,
        service text not null,
        channel text not null,
        opened_at timestamptz not null,
        constraint pk_tickets primary key (ticket_id)
    )
    """,
    """
    create table received (
        day date not null,
        channel text not null,
        service text not null,
        message_count integer not null,
        constraint pk_received primary key (day, channel, service)
    )
    """,
    """
    create table breaches (
        clock_id uuid not null,
        ticket_id uuid not null,
        kind text not null,
        due_at timestamptz not null,
        constraint pk_breaches primary key (clock_id)
    )
    """,
    "create index ix_breaches_ticket_id on breaches (ticket_id)",
)


def upgrade() -> None:
    runtime_tables(op)
    for statement in STATEMENTS:
        op.execute(statement)
