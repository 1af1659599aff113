"""Everything the first version keeps: customers, catalogue, tickets, sessions, event rows."""

from alembic import op

from otklik_runtime.migrations import runtime_tables

revision = "0001"

_STATEMENTS = (
    "create sequence ticket_numbers",
    """
    create table customers (
        id uuid not null,
        display_name text not null,
        segment text not null,
        locale text not null,
        time_zone text not null,
        created_at timestamptz not null,
        version integer not null,
        constraint pk_customers primary key (id)
    )
    """,
    """
    create table customer_identities (
        channel smallint not null,
        address text not null,
        customer_id uuid not null,
        verified boolean not null,
        constraint pk_customer_identities primary key (channel, address)
    )
    """,
    "create index ix_customer_identities_customer_id on customer_identities (customer_id)",
    """
    create table tickets (
        id uuid not null,
        number text not null,
        conversation_id uuid not null,
        proposed_conversation_id uuid,
        customer_id uuid not null,
        partner_id uuid,
        service text not null,
        request_type text not null,
        priority smallint not null,
        impact smallint not null,
        urgency smallint not null,
        state text not null,
        state_meaning smallint not null,
        subject text not null,
        assignee_id uuid,
        channel smallint not null,
        locale text not null,
        reply_channel smallint,
        reply_account text not null,
        reply_address text not null,
        internet_message_id text not null,
        last_customer_message_id uuid not null,
        automatic boolean not null,
        episode integer not null,
        opened_at timestamptz not null,
        changed_at timestamptz not null,
        resolved_at timestamptz,
        version integer not null,
        constraint pk_tickets primary key (id),
        constraint uq_tickets_number unique (number),
        constraint uq_tickets_conversation_id unique (conversation_id)
    )
    """,
    """
    create index ix_tickets_proposed_conversation_id on tickets (proposed_conversation_id)
     where proposed_conversation_id is not null
    """,
    "create index ix_tickets_changed_at on tickets (changed_at desc, id desc)",
    "create index ix_tickets_open on tickets (changed_at desc, id desc) where state_meaning < 4",
    "create index ix_tickets_customer_id on tickets (customer_id, changed_at desc, id desc)",
    """
    create index ix_tickets_assignee_id on tickets (assignee_id, changed_at desc, id desc)
     where assignee_id is not null
    """,
    """
    create index ix_tickets_partner_id on tickets (partner_id, changed_at desc, id desc)
     where partner_id is not null
    """,
    """
    create table public_messages (
        id uuid not null,
        ticket_id uuid not null,
        author_kind smallint not null,
        author_id text not null,
        author_display_name text not null,
        text text not null,
        channel smallint not null,
        automatic boolean not null,
        delivery_state text not null,
        attachments jsonb not null,
        created_at timestamptz not null,
        constraint pk_public_messages primary key (id)
    )
    """,
    "create index ix_public_messages_ticket_id on public_messages (ticket_id, created_at, id)",
    """
    create table internal_notes (
        id uuid not null,
        ticket_id uuid not null,
        author_kind smallint not null,
        author_id text not null,
        author_display_name text not null,
        text text not null,
        created_at timestamptz not null,
        constraint pk_internal_notes primary key (id),
        constraint fk_internal_notes_ticket_id foreign key (ticket_id) references tickets (id)
    )
    """,
    "create index ix_internal_notes_ticket_id on internal_notes (ticket_id, created_at, id)",
    """
    create table ticket_clocks (
        ticket_id uuid not null,
        kind text not null,
        instance integer not null,
        due_at timestamptz,
        breached boolean not null,
        constraint pk_ticket_clocks primary key (ticket_id, kind, instance)
    )
    """,
    """
    create table segments (
        name text not null,
        display_name jsonb not null,
        impact smallint not null,
        is_default boolean not null,
        constraint pk_segments primary key (name)
    )
    """,
    "create unique index uq_segments_is_default on segments (is_default) where is_default",
    """
    create table request_types (
        name text not null,
        display_name jsonb not null,
        states jsonb not null,
        transitions jsonb not null,
        constraint pk_request_types primary key (name)
    )
    """,
    """
    create table services (
        name text not null,
        position bigint generated always as identity,
        display_name jsonb not null,
        content jsonb not null,
        terms jsonb not null,
        territory jsonb not null,
        default_urgency smallint not null,
        request_type text not null,
        keywords text[] not null,
        constraint pk_services primary key (name),
        constraint fk_services_request_type foreign key (request_type)
            references request_types (name)
    )
    """,
    """
    create table priority_cells (
        impact smallint not null,
        urgency smallint not null,
        priority smallint not null,
        constraint pk_priority_cells primary key (impact, urgency)
    )
    """,
    """
    create table catalogue_versions (
        singleton boolean not null,
        version bigint not null,
        constraint pk_catalogue_versions primary key (singleton),
        constraint ck_catalogue_versions_singleton check (singleton)
    )
    """,
    "insert into catalogue_versions (singleton, version) values (true, 0)",
    """
    create table agents (
        id uuid not null,
        display_name text not null,
        subject text not null,
        roles text[] not null,
        locale text not null,
        created_at timestamptz not null,
        constraint pk_agents primary key (id),
        constraint uq_agents_subject unique (subject)
    )
    """,
    "create index ix_agents_display_name on agents (display_name, id)",
    """
    create table partners (
        id uuid not null,
        display_name text not null,
        public_key_pem text not null,
        created_at timestamptz not null,
        constraint pk_partners primary key (id)
    )
    """,
    """
    create table sessions (
        id uuid not null,
        token_hash bytea not null,
        kind text not null,
        subject_id uuid not null,
        conversation_id uuid,
        locale text not null,
        created_at timestamptz not null,
        expires_at timestamptz not null,
        revoked_at timestamptz,
        constraint pk_sessions primary key (id),
        constraint uq_sessions_token_hash unique (token_hash)
    )
    """,
    "create index ix_sessions_expires_at on sessions (expires_at)",
    """
    create table used_assertions (
        issuer text not null,
        assertion_id text not null,
        expires_at timestamptz not null,
        constraint pk_used_assertions primary key (issuer, assertion_id)
    )
    """,
    "create index ix_used_assertions_expires_at on used_assertions (expires_at)",
)


def upgrade() -> None:
    runtime_tables(op)
    for statement in _STATEMENTS:
        op.execute(statement)
