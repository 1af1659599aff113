"""Tickets and what is written in them, to be shown.

Lists go by keyset along an index that begins with what is filtered by, newest change first; lists
of what is not over use the partial index, whatever the size of the archive.
"""

from collections.abc import Mapping
from datetime import datetime

from otklik_runtime.database import Database
from otklik_tickets.adapters.repository.deadlines import deadlines_of
from otklik_tickets.adapters.repository.rows import (
    INTERNAL_NOTE,
    PUBLIC_MESSAGE,
    TICKET,
    TICKET_WIDTH,
    message_of,
    note_of,
    ticket_of,
)
from otklik_tickets.adapters.statements import Row, fetch, fetch_one
from otklik_tickets.domain.errors import TicketNotFound
from otklik_tickets.domain.message import InternalNote, PublicMessage
from otklik_tickets.domain.shown import (
    Audience,
    NextDeadline,
    Page,
    RecordedEvent,
    ShownTicket,
    TicketFilter,
)

_SHOWN = f"{TICKET}, c.display_name from tickets t join customers c on c.id = t.customer_id"
_GET = f"select {_SHOWN} where t.id = $1::uuid"

_PUBLIC_MESSAGES = f"""
    select {PUBLIC_MESSAGE} from public_messages m
     where m.ticket_id = $1::uuid
       and (m.created_at, m.id) > ($2::timestamptz, $3::uuid)
     order by m.created_at, m.id limit $4
"""  # noqa: S608 - columns of our own table

_INTERNAL_NOTES = f"""
    select {INTERNAL_NOTE} from internal_notes n
     where n.ticket_id = $1::uuid
       and (n.created_at, n.id) > ($2::timestamptz, $3::uuid)
     order by n.created_at, n.id limit $4
"""  # noqa: S608 - columns of our own table

_HISTORY = """
    select version, type, payload, occurred_at, recorded_at, actor from events
     where aggregate_id = $1::uuid and version <= $2 order by version
"""


class PostgresTicketViews:
    """Reads tickets."""

    def __init__(self, database: Database) -> None:
        """Read from this database."""
        self._database = database

    async def ticket(self, ticket_id: str, audience: Audience) -> ShownTicket:
        """One ticket. Raises `ticket_not_found`, also for those the audience may not know of."""
        async with self._database.read() as connection:
            row = await fetch_one(connection, _GET, ticket_id)
            if row is None or not audience.may_see(ticket_of(row)):
                raise TicketNotFound(ticket_id)
            deadlines = await deadlines_of(connection, [ticket_id])
        return _shown(row, deadlines)

    async def tickets(
        self,
        wanted: TicketFilter,
        audience: Audience,
        *,
        after: tuple[datetime, str] | None,
        size: int,
    ) -> Page[ShownTicket]:
        """The tickets the audience may see, the newest change first."""
        where = _Conditions()
        _narrow_to_audience(where, audience)
        _narrow_to_filter(where, wanted)
        if after is not None:
            where.add("(t.changed_at, t.id) < ({}::timestamptz, {}::uuid)", *after)
        statement = (
            f"select {_SHOWN} {where.clause} order by t.changed_at desc, t.id desc limit {size + 1}"
        )
        async with self._database.read() as connection:
            rows = await fetch(connection, statement, *where.values)
            deadlines = await deadlines_of(connection, [row[0] for row in rows[:size]])
        return Page(rows=[_shown(row, deadlines) for row in rows[:size]], more=len(rows) > size)

    async def public_messages(
        self, ticket_id: str, *, after: tuple[datetime, str], size: int
    ) -> Page[PublicMessage]:
        """The conversation with the customer, oldest first."""
        async with self._database.read() as connection:
            rows = await fetch(connection, _PUBLIC_MESSAGES, ticket_id, *after, size + 1)
        return Page(rows=[message_of(row) for row in rows[:size]], more=len(rows) > size)

    async def internal_notes(
        self, ticket_id: str, *, after: tuple[datetime, str], size: int
    ) -> Page[InternalNote]:
        """The desk's own notes, oldest first."""
        async with self._database.read() as connection:
            rows = await fetch(connection, _INTERNAL_NOTES, ticket_id, *after, size + 1)
        return Page(rows=[note_of(row) for row in rows[:size]], more=len(rows) > size)

    async def history(self, conversation_id: str, *, up_to: int) -> list[RecordedEvent]:
        """What was said of the conversation, from the first event to this version."""
        async with self._database.read() as connection:
            rows = await fetch(connection, _HISTORY, conversation_id, up_to)
        return [
            RecordedEvent(
                version=row[0],
                type=row[1],
                payload=row[2],
                occurred_at=row[3],
                recorded_at=row[4],
                actor=row[5],
            )
            for row in rows
        ]


class _Conditions:
    """The conditions of a list, with their values as parameters."""

    def __init__(self) -> None:
        self._conditions: list[str] = []
        self.values: list[object] = []

    def add(self, condition: str, *values: object) -> None:
        """Add a condition; `{}` stands for a value."""
        first = len(self.values) + 1
        places = [f"${first + offset}" for offset in range(len(values))]
        self._conditions.append(condition.format(*places))
        self.values.extend(values)

    @property
    def clause(self) -> str:
        """The whole `where`."""
        return f"where {' and '.join(self._conditions)}" if self._conditions else ""


def _narrow_to_audience(where: _Conditions, audience: Audience) -> None:
    if audience.everything:
        return
    if audience.conversation_id:
        where.add("t.conversation_id = {}::uuid", audience.conversation_id)
    elif audience.partner_id:
        where.add("t.partner_id = {}::uuid", audience.partner_id)
    else:
        where.add("false")


def _narrow_to_filter(where: _Conditions, wanted: TicketFilter) -> None:
    if wanted.customer_id:
        where.add("t.customer_id = {}::uuid", wanted.customer_id)
    if wanted.assignee_id:
        where.add("t.assignee_id = {}::uuid", wanted.assignee_id)
    if wanted.number:
        where.add("t.number = {}", wanted.number)
    if wanted.conversation_id:
        where.add("t.conversation_id = {}::uuid", wanted.conversation_id)
    if wanted.meanings:
        if not any(meaning.over for meaning in wanted.meanings):
            # Said in so many words, so that the planner sees that the partial index is enough.
            where.add("t.state_meaning < 4")
        where.add("t.state_meaning = any({}::smallint[])", [int(each) for each in wanted.meanings])


def _shown(row: Row, deadlines: Mapping[str, NextDeadline]) -> ShownTicket:
    ticket = ticket_of(row)
    return ShownTicket(
        ticket=ticket,
        customer_display_name=row[TICKET_WIDTH],
        deadline=deadlines.get(ticket.id),
    )
