"""Calendars and policies as rows: every version a document, which never changes."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from google.protobuf import json_format
from sqlalchemy.ext.asyncio import AsyncConnection

from otklik.sla.v1 import calendar_pb2, policy_pb2
from otklik_sla.domain.calendar import Calendar
from otklik_sla.domain.policy import Policy
from otklik_sla.wire import definitions

_ADD_CALENDAR = """
    insert into calendars (name, version, document, created_at)
    values ($1, $2::int, $3::jsonb, $4::timestamptz) on conflict do nothing
"""
_ADD_POLICY = """
    insert into policies (name, version, document, created_at)
    values ($1, $2::int, $3::jsonb, $4::timestamptz) on conflict do nothing
"""
_NEWEST_CALENDARS = """
    select distinct on (name) document::text from calendars
     where ($1 = '' or name = $1) and name > $2 order by name, version desc limit $3
"""
_NEWEST_POLICIES = """
    select distinct on (name) document::text from policies
     where ($1 = '' or name = $1) and name > $2 order by name, version desc limit $3
"""
_POLICY_VERSIONS = """
    select document::text from policies
     where (name, version) in (select * from unnest($1::text[], $2::int[]))
"""
_CALENDAR_VERSIONS = """
    select document::text from calendars
     where (name, version) in (select * from unnest($1::text[], $2::int[]))
"""
_ALL = 10_000


class PostgresDefinitions:
    """The definitions in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def calendar(self, name: str) -> Calendar | None:
        """Return the newest version of a calendar."""
        found = await self._read(_NEWEST_CALENDARS, (name, "", 1))
        return _calendar(found[0]) if found else None

    async def calendars(self, *, after: str, limit: int) -> list[Calendar]:
        """Return the newest versions by name, after a name."""
        return [_calendar(text) for text in await self._read(_NEWEST_CALENDARS, ("", after, limit))]

    async def add_calendar(self, calendar: Calendar, now: datetime) -> bool:
        """Keep a version; False if that one is there already."""
        document = json_format.MessageToJson(definitions.calendar_resource(calendar), indent=None)
        values = (calendar.id, calendar.version, document, now)
        return (await self._connection.exec_driver_sql(_ADD_CALENDAR, values)).rowcount == 1

    async def policy(self, name: str) -> Policy | None:
        """Return the newest version of a policy."""
        found = await self._policies(await self._read(_NEWEST_POLICIES, (name, "", 1)))
        return found[0] if found else None

    async def policies(self, *, after: str = "", limit: int = _ALL) -> Sequence[Policy]:
        """Return the newest version of every policy by name, after a name."""
        return await self._policies(await self._read(_NEWEST_POLICIES, ("", after, limit)))

    async def add_policy(self, policy: Policy, now: datetime) -> bool:
        """Keep a version; False if that one is there already."""
        document = json_format.MessageToJson(definitions.policy_document(policy), indent=None)
        values = (policy.id, policy.version, document, now)
        return (await self._connection.exec_driver_sql(_ADD_POLICY, values)).rowcount == 1

    async def versions(
        self, references: Sequence[tuple[str, int]]
    ) -> dict[tuple[str, int], Policy]:
        """Return exact versions of policies."""
        if not references:
            return {}
        columns = [list(column) for column in zip(*references, strict=True)]
        found = await self._policies(await self._read(_POLICY_VERSIONS, tuple(columns)))
        return {(policy.id, policy.version): policy for policy in found}

    async def _policies(self, documents: Sequence[str]) -> list[Policy]:
        missing = [text for text in documents if _known.get(text) is None]
        if missing:
            await self._learn(missing)
        return [_known[text] for text in documents]

    async def _learn(self, documents: Sequence[str]) -> None:
        """Read documents into policies, with the calendar versions they name."""
        messages = {text: json_format.Parse(text, policy_pb2.Policy()) for text in documents}
        named = {target.calendar for message in messages.values() for target in message.targets}
        references = [definitions.reference_of(name) for name in sorted(named)]
        columns = tuple(list(column) for column in zip(*references, strict=True))
        calendars = {
            f"{calendar.id}@{calendar.version}": calendar
            for calendar in map(_calendar, await self._read(_CALENDAR_VERSIONS, columns))
        }
        for text, message in messages.items():
            _known[text] = definitions.policy_of(message, calendars, version=message.version)

    async def _read(self, statement: str, values: tuple[object, ...]) -> list[str]:
        rows = await self._connection.exec_driver_sql(statement, values)
        return [row[0] for row in rows]


# Versions never change, so what was read once is right for ever; there are as many as people made.
_known: dict[str, Policy] = {}


@lru_cache(maxsize=1024)
def _calendar(document: str) -> Calendar:
    message = json_format.Parse(document, calendar_pb2.Calendar())
    return definitions.calendar_of(message, version=message.version)
