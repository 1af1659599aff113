"""Stories as rows: loaded and saved a batch at a time, a statement for each table."""

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from otklik_sla.adapters.definitions import PostgresDefinitions
from otklik_sla.adapters.rows import fact_of, fact_row, policy_named
from otklik_sla.domain.facts import Fact
from otklik_sla.domain.kept import Kept
from otklik_sla.wire.parts import clock_id

_MAKE = """
    insert into stories (conversation_id)
    select id from unnest($1::uuid[]) as f (id) order by id on conflict do nothing
"""
_LOCK = """
    select conversation_id::text, coalesce(ticket_id::text, ''), judged_at from stories
     where conversation_id = any($1::uuid[]) order by conversation_id for update
"""
_DUE = """
    select conversation_id::text, coalesce(ticket_id::text, ''), judged_at from stories
     where due_at <= $1::timestamptz order by due_at limit $2 for update skip locked
"""
_OF_TICKETS = """
    select conversation_id::text, ticket_id::text, judged_at from stories
     where ticket_id = any($1::uuid[]) order by conversation_id
"""
_FACTS = """
    select conversation_id::text, fact_id, kind, occurred_at, sequence, detail::text from facts
     where conversation_id = any($1::uuid[])
"""
_LEARN = """
    insert into facts (conversation_id, fact_id, kind, occurred_at, sequence, detail)
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[],
                         $6::jsonb[])
    on conflict do nothing
"""
_JUDGED = """
    update stories as s
       set ticket_id = nullif(f.ticket_id, '')::uuid, judged_at = f.judged_at, due_at = f.due_at
      from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[])
           as f (conversation_id, ticket_id, judged_at, due_at)
     where s.conversation_id = f.conversation_id
"""
_CLOCKS = """
    insert into clocks as c (id, conversation_id, kind, instance, state, policy, calendar,
                             target_seconds, started_at, due_at, met_at, breached_at, ended_at)
    select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::text[], $6::text[],
                         $7::text[], $8::bigint[], $9::timestamptz[], $10::timestamptz[],
                         $11::timestamptz[], $12::timestamptz[], $13::timestamptz[])
    on conflict (id) do update set
      instance = excluded.instance, state = excluded.state, policy = excluded.policy,
      calendar = excluded.calendar, target_seconds = excluded.target_seconds,
      due_at = excluded.due_at, met_at = excluded.met_at, breached_at = excluded.breached_at,
      ended_at = excluded.ended_at
    where (c.state, c.due_at, c.met_at, c.breached_at, c.ended_at, c.policy, c.instance)
          is distinct from (excluded.state, excluded.due_at, excluded.met_at,
                            excluded.breached_at, excluded.ended_at, excluded.policy,
                            excluded.instance)
"""

_Row = tuple[str, str, datetime | None]


class PostgresStories:
    """The stories in one transaction, or for a view."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, conversation_ids: Sequence[str]) -> dict[str, Kept]:
        """Lock the stories of conversations, made where there is none, in order of their ids."""
        names = list(conversation_ids)
        await self._connection.exec_driver_sql(_MAKE, (names,))
        return await self._load(_LOCK, (names,))

    async def due(self, now: datetime, limit: int) -> list[Kept]:
        """Lock the stories whose time has come and that nobody else holds."""
        return list((await self._load(_DUE, (now, limit))).values())

    async def of_tickets(self, ticket_ids: Sequence[str]) -> list[Kept]:
        """Read the stories of tickets, without a lock."""
        return list((await self._load(_OF_TICKETS, (list(ticket_ids),))).values())

    async def save(self, stories: Sequence[Kept]) -> None:
        """Write what was learned and judged."""
        rows = [
            fact_row(story.conversation_id, fact) for story in stories for fact in story.learned
        ]
        if rows:
            await self._many(_LEARN, rows)
        await self._many(
            _JUDGED,
            [
                (story.conversation_id, story.ticket_id, story.judged_at, story.due_at)
                for story in stories
            ],
        )
        clocks = [
            (
                clock_id(story, clock),
                story.conversation_id,
                clock.kind,
                clock.instance,
                clock.state,
                clock.policy,
                f"{clock.calendar.id}@{clock.calendar.version}",
                clock.target_seconds,
                clock.start,
                clock.deadline,
                clock.met_at,
                clock.breached_at,
                clock.ended_at,
            )
            for story in stories
            for clock in story.clocks
        ]
        if clocks:
            await self._many(_CLOCKS, clocks)

    async def _load(self, statement: str, values: tuple[object, ...]) -> dict[str, Kept]:
        found: list[_Row] = [
            (row[0], row[1], row[2])
            for row in map(tuple, await self._connection.exec_driver_sql(statement, values))
        ]
        if not found:
            return {}
        facts = await self._facts([row[0] for row in found])
        return {
            conversation_id: Kept(
                conversation_id=conversation_id,
                ticket_id=ticket_id,
                judged_at=judged_at,
                facts=tuple(facts.get(conversation_id, ())),
            )
            for conversation_id, ticket_id, judged_at in found
        }

    async def _facts(self, conversation_ids: list[str]) -> dict[str, list[Fact]]:
        rows = [
            (row[0], (row[1], row[2], row[3], row[4], json.loads(row[5])))
            for row in map(
                tuple, await self._connection.exec_driver_sql(_FACTS, (conversation_ids,))
            )
        ]
        named = {policy_named(row[1], row[4]) for _, row in rows} - {None}
        policies = await PostgresDefinitions(self._connection).versions(
            sorted(reference for reference in named if reference)
        )
        facts: dict[str, list[Fact]] = {}
        for conversation_id, row in rows:
            facts.setdefault(conversation_id, []).append(fact_of(row, policies))
        return facts

    async def _many(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        columns = tuple(list(column) for column in zip(*rows, strict=True))
        await self._connection.exec_driver_sql(statement, columns)
