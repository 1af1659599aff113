"""Tickets, their messages, notes and clocks in PostgreSQL.

The message path writes with one statement a table, whatever the size of the batch.
"""

from collections.abc import Collection, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from otklik_runtime import bulk
from otklik_tickets.adapters import tables
from otklik_tickets.adapters.repository.deadlines import deadlines_of
from otklik_tickets.adapters.repository.rows import (
    TICKET,
    row_of_message,
    row_of_note,
    row_of_ticket,
    ticket_of,
)
from otklik_tickets.adapters.statements import execute, fetch, fetch_one
from otklik_tickets.domain.commands import ShowClock, ShowDelivery
from otklik_tickets.domain.errors import ConversationOpenedElsewhere, TicketNotFound
from otklik_tickets.domain.message import InternalNote, PublicMessage
from otklik_tickets.domain.shown import ShownTicket
from otklik_tickets.domain.ticket import Ticket

_LOCK = f"select {TICKET} from tickets t where t.id = $1::uuid for update"  # noqa: S608 - columns of our own table

_LOCK_CONVERSATIONS = f"""
    select {TICKET} from tickets t
     where t.conversation_id = any($1::uuid[]) or t.proposed_conversation_id = any($1::uuid[])
     order by t.id for update
"""  # noqa: S608 - columns of our own table

_OF_CONVERSATION = f"select {TICKET} from tickets t where t.conversation_id = $1::uuid"  # noqa: S608 - columns of our own table

_CUSTOMER_NAME = "select display_name from customers where id = $1::uuid"

_KNOWN = "select id::text from public_messages where id = any($1::uuid[])"

_NUMBERS = "select nextval('ticket_numbers') from generate_series(1, $1::int)"

_ADD = bulk.insert(
    tables.tickets, "on conflict (conversation_id) do nothing returning conversation_id"
)

_CHANGING = [
    tables.tickets.columns[name]
    for name in (
        "state",
        "state_meaning",
        "assignee_id",
        "reply_channel",
        "reply_account",
        "reply_address",
        "internet_message_id",
        "last_customer_message_id",
        "automatic",
        "episode",
        "changed_at",
        "resolved_at",
        "version",
    )
]
_PLACES = [tables.tickets.columns.keys().index(column.name) for column in _CHANGING]
_SAVE = bulk.update(tables.tickets, _CHANGING)

_ADD_MESSAGES = bulk.insert(tables.public_messages)
_ADD_NOTES = bulk.insert(tables.internal_notes)

_SHOW_CLOCKS = bulk.insert(
    tables.ticket_clocks,
    """
    on conflict (ticket_id, kind, instance)
    do update set due_at = excluded.due_at, breached = excluded.breached
    """,
)

_SHOW_DELIVERIES = """
    update public_messages as m set delivery_state = f.delivery_state
      from unnest($1::uuid[], $2::text[]) as f (id, delivery_state)
     where m.id = f.id
"""


class PostgresTickets:
    """Tickets of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        """Use the transaction's connection."""
        self._connection = connection

    async def lock(self, ticket_id: str) -> Ticket:
        """The ticket, nobody else's until the transaction ends. Raises `ticket_not_found`."""
        row = await fetch_one(self._connection, _LOCK, ticket_id)
        if row is None:
            raise TicketNotFound(ticket_id)
        return ticket_of(row)

    async def lock_conversations(self, conversation_ids: Collection[str]) -> list[Ticket]:
        """The tickets of these conversations, and those opened instead of joining them."""
        found = await fetch(self._connection, _LOCK_CONVERSATIONS, list(conversation_ids))
        return [ticket_of(row) for row in found]

    async def of_conversation(self, conversation_id: str) -> Ticket | None:
        """The ticket of this conversation."""
        row = await fetch_one(self._connection, _OF_CONVERSATION, conversation_id)
        return None if row is None else ticket_of(row)

    async def known_messages(self, message_ids: Collection[str]) -> set[str]:
        """Those of these public messages that are kept already."""
        found = await fetch(self._connection, _KNOWN, list(message_ids))
        return {row[0] for row in found}

    async def numbers(self, count: int) -> list[str]:
        """So many new ticket numbers, ascending. A rolled-back transaction leaves a gap."""
        found = await fetch(self._connection, _NUMBERS, count)
        return [f"OT-{number:06d}" for (number,) in found]

    async def add(self, tickets: Sequence[Ticket]) -> None:
        """Keep new tickets."""
        found = await fetch(self._connection, _ADD, *bulk.by_column(map(row_of_ticket, tickets)))
        if len(found) < len(tickets):
            raise ConversationOpenedElsewhere

    async def save(self, tickets: Sequence[Ticket]) -> None:
        """Keep the changes of these tickets, which are locked."""
        rows = []
        for ticket in tickets:
            values = row_of_ticket(ticket)
            rows.append((ticket.id, *(values[place] for place in _PLACES)))
        await execute(self._connection, _SAVE, *bulk.by_column(rows))

    async def add_messages(self, messages: Sequence[PublicMessage]) -> None:
        """Keep new public messages."""
        await execute(
            self._connection, _ADD_MESSAGES, *bulk.by_column(map(row_of_message, messages))
        )

    async def shown(self, ticket: Ticket) -> ShownTicket:
        """The ticket with what others know of it."""
        [[name]] = await fetch(self._connection, _CUSTOMER_NAME, ticket.customer_id)
        deadlines = await deadlines_of(self._connection, [ticket.id])
        return ShownTicket(
            ticket=ticket, customer_display_name=name, deadline=deadlines.get(ticket.id)
        )

    async def add_note(self, note: InternalNote) -> None:
        """Keep a new internal note."""
        await execute(self._connection, _ADD_NOTES, *bulk.by_column([row_of_note(note)]))

    async def show_deliveries(self, deliveries: Sequence[ShowDelivery]) -> None:
        """Keep how far public messages got."""
        rows = [(each.message_id, each.delivery_state) for each in deliveries]
        if rows:
            await execute(self._connection, _SHOW_DELIVERIES, *bulk.by_column(rows))

    async def show_clocks(self, clocks: Sequence[ShowClock]) -> None:
        """Keep how clocks stand."""
        rows = [
            (each.ticket_id, each.kind, each.instance, each.due_at, each.breached)
            for each in clocks
        ]
        if rows:
            await execute(self._connection, _SHOW_CLOCKS, *bulk.by_column(rows))
