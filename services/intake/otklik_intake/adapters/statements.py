"""The statements that move batches; arrays in, rows out."""

from sqlalchemy import select

from otklik_intake.adapters import tables

KEY_COLUMNS = 5
ITEM_COLUMNS = 15
ORIGINAL_COLUMNS = 5
OUTCOME_COLUMNS = 6
FILE_COLUMNS = 8
SETTLE_COLUMNS = 5

# In the order of the unique key: two groups with the same messages meet in the same order.
ADD_ITEMS = """
    insert into items (id, channel, account, partner_id, external_id, variant, content_digest,
                       state, reason, received_at, read_at, settled_at, heavy, size_bytes,
                       conversation_id, subject, sender_address, traceparent)
    select id, channel, account, partner_id, external_id, variant, content_digest, state, reason,
           received_at, read_at, read_at, heavy, size_bytes, conversation_id, '', '', traceparent
      from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[],
                  $7::bytea[], $8::text[], $9::text[], $10::timestamptz[], $11::timestamptz[],
                  $12::boolean[], $13::bigint[], $14::uuid[], $15::text[])
           as f (id, channel, account, partner_id, external_id, variant, content_digest, state,
                 reason, received_at, read_at, heavy, size_bytes, conversation_id, traceparent)
     order by channel, account, partner_id, external_id, variant
    on conflict (channel, account, partner_id, external_id, variant) do nothing
    returning id::text
"""

FIND_ITEMS = """
    select i.id::text, i.channel, i.account, i.partner_id, i.external_id, i.variant,
           i.content_digest, i.state, i.received_at, i.conversation_id::text
      from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[])
           as f (channel, account, partner_id, external_id, variant)
      join items i on i.channel = f.channel and i.account = f.account
       and i.partner_id = f.partner_id and i.external_id = f.external_id and i.variant = f.variant
"""

ADD_ORIGINALS = """
    insert into originals (item_id, media_type, envelope_sender, recipients, content)
    select item_id, media_type, envelope_sender, string_to_array(recipients, e'\\n'), content
      from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[])
           as f (item_id, media_type, envelope_sender, recipients, content)
"""

_TAKE = """
    with taken as (
      select id from items
       where read_at is null and {queue} and ($2::uuid[] is null or id = any($2::uuid[]))
       order by id limit $1 for update skip locked)
    select i.id::text, i.channel, i.account, i.external_id, i.partner_id, i.conversation_id::text,
           i.received_at, i.traceparent, o.media_type, o.envelope_sender, o.recipients, o.content
      from taken join items i on i.id = taken.id join originals o on o.item_id = i.id
     order by i.id
"""
TAKE_TAME = _TAKE.format(queue="not heavy")
TAKE_HEAVY = _TAKE.format(queue="heavy")

SAVE_OUTCOMES = """
    update items i set state = f.state, reason = f.reason, conversation_id = f.conversation_id,
           subject = f.subject, sender_address = f.sender_address, read_at = $7,
           settled_at = case when f.state = 'pending' then null else $7::timestamptz end
      from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[])
           as f (id, state, reason, conversation_id, subject, sender_address)
     where i.id = f.id
"""

ADD_FILES = """
    insert into attachments (id, item_id, position, filename, content_type, size_bytes, sha256,
                             content)
    select id, item_id, position, filename, content_type, size_bytes, sha256, content
      from unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::text[], $6::bigint[],
                  $7::text[], $8::bytea[])
           as f (id, item_id, position, filename, content_type, size_bytes, sha256, content)
"""

LOCK_STATES = """
    select id::text, state from items where id = any($1::uuid[]) order by id for update
"""

SETTLE = """
    update items i set state = f.state, reason = f.reason, conversation_id = f.conversation_id,
           ticket_id = nullif(f.ticket_id, '')::uuid, settled_at = $6
      from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[])
           as f (id, state, reason, conversation_id, ticket_id)
     where i.id = f.id
"""

REQUEUE = """
    update items set state = 'pending', reason = '', read_at = null, settled_at = null, heavy = true
     where id = $1::uuid
"""

CONVERSATIONS = """
    select digest, conversation_id::text from message_ids where digest = any($1::bytea[])
"""

REMEMBER = """
    insert into message_ids (digest, conversation_id, item_id)
    select digest, conversation_id, item_id
      from unnest($1::bytea[], $2::uuid[], $3::uuid[]) as f (digest, conversation_id, item_id)
    on conflict (digest) do nothing
"""

MOVE = """
    update message_ids m set conversation_id = f.conversation_id
      from unnest($1::uuid[], $2::uuid[]) as f (item_id, conversation_id)
     where m.item_id = f.item_id and m.conversation_id <> f.conversation_id
"""

FILES_OF = select(
    tables.attachments.c.id,
    tables.attachments.c.item_id,
    tables.attachments.c.position,
    tables.attachments.c.filename,
    tables.attachments.c.content_type,
    tables.attachments.c.size_bytes,
    tables.attachments.c.sha256,
).order_by(tables.attachments.c.item_id, tables.attachments.c.position)
