"""The runtime's tables, the acknowledgements, the accounts, the threads and the deliveries."""

from alembic import op

from otklik_runtime.migrations import runtime_tables

revision = "0001"

STATEMENTS = (
    """
    create table acknowledgements (
        ticket_id uuid not null,
        conversation_id uuid not null,
        opened jsonb,
        deadlines jsonb,
        due_at timestamptz,
        outcome text not null,
        constraint pk_acknowledgements primary key (ticket_id)
    )
    """,
    """
    create index ix_acknowledgements_due_at on acknowledgements (due_at)
     where outcome = 'waiting'
    """,
    """
    create table accounts (
        name text not null,
        channel text not null,
        address text not null,
        display_names jsonb not null,
        reply_account text not null,
        constraint pk_accounts primary key (name)
    )
    """,
    """
    create table threads (
        conversation_id uuid not null,
        message_ids text[] not null,
        newest_customer_mail text not null,
        constraint pk_threads primary key (conversation_id)
    )
    """,
    """
    create table deliveries (
        id uuid not null,
        conversation_id uuid not null,
        template text not null,
        locale text not null,
        channel text not null,
        message_id text not null,
        state text not null,
        attempt_count integer not null,
        in_doubt boolean not null,
        due_at timestamptz not null,
        last_error text not null,
        reason text not null,
        created_at timestamptz not null,
        accepted_at timestamptz,
        traceparent text not null,
        recipient text not null,
        envelope_sender text not null,
        from_name text not null,
        from_address text not null,
        reply_to text not null,
        subject text not null,
        text text not null,
        html text not null,
        internet_message_id text not null,
        in_reply_to text not null,
        thread_references text[] not null,
        automatic text not null,
        constraint pk_deliveries primary key (id),
        constraint ck_deliveries_state
            check (state in ('queued', 'sending', 'accepted', 'failed'))
    )
    """,
    """
    create index ix_deliveries_due_at on deliveries (due_at)
     where state in ('queued', 'sending')
    """,
    "create index ix_deliveries_created_at_id on deliveries (created_at, id)",
    """
    create index ix_deliveries_conversation_id_created_at_id
        on deliveries (conversation_id, created_at, id)
    """,
)


def upgrade() -> None:
    runtime_tables(op)
    for statement in STATEMENTS:
        op.execute(statement)
