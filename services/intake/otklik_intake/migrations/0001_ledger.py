"""The runtime's tables, the channel accounts, the ledger with originals, files and threads."""

from alembic import op

from otklik_runtime.migrations import runtime_tables

revision = "0001"

STATEMENTS = (
    """
    create table channel_accounts (
        name text not null,
        channel text not null,
        address text not null,
        display_name_ru text not null,
        display_name_en text not null,
        default_service text not null,
        reply_account text not null,
        default_locale text not null,
        created_at timestamptz not null,
        constraint pk_channel_accounts primary key (name),
        constraint ck_channel_accounts_default_locale check (default_locale in ('ru', 'en'))
    )
    """,
    """
    create unique index uq_channel_accounts_address on channel_accounts (address)
     where address <> ''
    """,
    # One line of the ledger for each message that was acknowledged to its sender.
    """
    create table items (
        id uuid not null,
        channel text not null,
        account text not null,
        partner_id text not null,
        external_id text not null,
        variant bytea not null,
        content_digest bytea not null,
        state text not null,
        reason text not null,
        received_at timestamptz not null,
        read_at timestamptz,
        settled_at timestamptz,
        heavy boolean not null,
        size_bytes bigint not null,
        conversation_id uuid not null,
        ticket_id uuid,
        subject text not null,
        sender_address text not null,
        traceparent text not null,
        constraint pk_items primary key (id),
        constraint ck_items_state check (
            state in ('pending', 'ticketed', 'appended', 'quarantined', 'refused'))
    )
    """,
    """
    create unique index uq_items_delivery
        on items (channel, account, partner_id, external_id, variant)
    """,
    # Counts the ledger without reading a row, and lists by account and state.
    "create index ix_items_account on items (account, state, id)",
    "create index ix_items_pending on items (account, received_at) where state = 'pending'",
    """
    create index ix_items_exceptional on items (state, id)
     where state in ('pending', 'quarantined', 'refused')
    """,
    # The reader's two queues.
    "create index ix_items_unread on items (id) where read_at is null and not heavy",
    "create index ix_items_unread_heavy on items (id) where read_at is null and heavy",
    """
    create table originals (
        item_id uuid not null,
        media_type text not null,
        envelope_sender text not null,
        recipients text[] not null,
        content bytea not null,
        constraint pk_originals primary key (item_id),
        constraint fk_originals_item_id foreign key (item_id) references items (id)
    )
    """,
    """
    create table attachments (
        id uuid not null,
        item_id uuid not null,
        position integer not null,
        filename text not null,
        content_type text not null,
        size_bytes bigint not null,
        sha256 text not null,
        content bytea not null,
        constraint pk_attachments primary key (id),
        constraint uq_attachments_item_id_position unique (item_id, position),
        constraint fk_attachments_item_id foreign key (item_id) references items (id)
    )
    """,
    # Mail and files are mostly compressed or encoded already: compressing them again costs more
    # than it saves, and uncompressed files are read in pieces without reading the whole.
    "alter table originals alter column content set storage external",
    "alter table attachments alter column content set storage external",
    # Which conversation a mail belongs to, by the digest of its Message-ID.
    """
    create table message_ids (
        digest bytea not null,
        conversation_id uuid not null,
        item_id uuid not null,
        constraint pk_message_ids primary key (digest)
    )
    """,
    "create index ix_message_ids_item_id on message_ids (item_id)",
)


def upgrade() -> None:
    runtime_tables(op)
    for statement in STATEMENTS:
        op.execute(statement)
