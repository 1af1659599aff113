"""The deadline a ticket is shown with: the soonest of its running clocks."""

from collections.abc import Collection, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from otklik_tickets.adapters.statements import fetch
from otklik_tickets.domain.shown import NextDeadline

_DEADLINES = """
    select distinct on (ticket_id) ticket_id::text, kind, due_at, breached from ticket_clocks
     where ticket_id = any($1::uuid[]) and due_at is not null
     order by ticket_id, due_at
"""


async def deadlines_of(
    connection: AsyncConnection, ticket_ids: Collection[str]
) -> Mapping[str, NextDeadline]:
    """The next deadline of each of these tickets that has one."""
    rows = await fetch(connection, _DEADLINES, list(ticket_ids)) if ticket_ids else []
    return {row[0]: NextDeadline(clock=row[1], due_at=row[2], breached=row[3]) for row in rows}
