"""The statements of the message path: each moves a whole batch, and is the same for any size.

What is asked by people and by timers is in the expression language, in `repository` and `views`.
"""

from otklik_notify.adapters import rows
from otklik_notify.adapters.tables import acknowledgements, deliveries, threads
from otklik_runtime import bulk

_ACKNOWLEDGEMENT = """
    ticket_id::text as ticket_id, conversation_id::text as conversation_id,
    opened::text as opened, deadlines::text as deadlines, due_at, outcome
"""
_DELIVERY = ", ".join(
    f"{column.name}::text as {column.name}"
    if column.name in {"id", "conversation_id"}
    else column.name
    for column in rows.DELIVERY_COLUMNS
)


def _unless_settled(column: str) -> str:
    return (
        f"{column} = case when acknowledgements.outcome = 'waiting'"
        f" then coalesce(acknowledgements.{column}, excluded.{column})"
        f" else acknowledgements.{column} end"
    )


JOIN = bulk.insert(
    acknowledgements,
    f"""on conflict (ticket_id) do update set
        {_unless_settled("opened")}, {_unless_settled("deadlines")}, {_unless_settled("due_at")}
        returning {_ACKNOWLEDGEMENT}""",
)

DUE = f"""
    select {_ACKNOWLEDGEMENT} from acknowledgements
     where outcome = 'waiting' and due_at <= $1::timestamptz
     order by due_at limit $2::int for update skip locked
"""  # noqa: S608 - columns of our own table

SETTLE = """
    update acknowledgements as a
       set outcome = f.outcome, opened = null, deadlines = null, due_at = null
      from unnest($1::uuid[], $2::text[]) as f (ticket_id, outcome)
     where a.ticket_id = f.ticket_id
"""

LOCK_THREADS = """
    select conversation_id::text as conversation_id, message_ids, newest_customer_mail from threads
     where conversation_id = any($1::uuid[]) order by conversation_id for update
"""

SAVE_THREADS = bulk.insert(
    threads,
    """on conflict (conversation_id) do update set
       message_ids = excluded.message_ids, newest_customer_mail = excluded.newest_customer_mail""",
)

ADD_DELIVERIES = bulk.insert(deliveries, "on conflict do nothing returning id::text")

LOCK_DELIVERIES = f"""
    select {_DELIVERY} from deliveries where id = any($1::uuid[]) order by id for update
"""  # noqa: S608 - columns of our own table

SAVE_PROGRESS = bulk.update(deliveries, [deliveries.c[name] for name in rows.PROGRESS])

AUTOMATIC_SINCE = """
    select recipient, count(*) from deliveries
     where automatic <> '' and state <> 'failed' and recipient = any($1::text[])
       and created_at > $2::timestamptz
     group by recipient
"""
