"""Agents and partner systems in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from otklik_tickets.adapters.statements import execute, fetch, fetch_one
from otklik_tickets.domain.errors import AlreadyExists
from otklik_tickets.domain.staff import Agent, Partner

AGENT = "a.id::text, a.display_name, a.subject, a.roles, a.locale, a.created_at"

_AGENT = f"select {AGENT} from agents a where a.id = $1::uuid"  # noqa: S608 - columns of our own table
_AGENT_BY_SUBJECT = f"select {AGENT} from agents a where a.subject = $1"  # noqa: S608 - columns of our own table
_ADD_AGENT = """
    insert into agents (id, display_name, subject, roles, locale, created_at)
    values ($1::uuid, $2, $3, $4::text[], $5, $6::timestamptz)
    on conflict (subject) do nothing returning id
"""
_PARTNER = "select id::text, display_name, public_key_pem, created_at from partners where id = $1"
_PARTNER_NAMES = "select id::text, display_name from partners where id = any($1::uuid[])"
_ADD_PARTNER = """
    insert into partners (id, display_name, public_key_pem, created_at)
    values ($1::uuid, $2, $3, $4::timestamptz)
"""


def agent_of(row: Sequence[Any]) -> Agent:
    """The agent a row of `AGENT` holds."""
    return Agent(
        id=row[0],
        display_name=row[1],
        subject=row[2],
        roles=tuple(row[3]),
        locale=row[4],
        created_at=row[5],
    )


class PostgresDirectory:
    """Agents and partners of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        """Use the transaction's connection."""
        self._connection = connection

    async def agent(self, agent_id: str) -> Agent | None:
        """The agent with this id."""
        row = await fetch_one(self._connection, _AGENT, agent_id)
        return None if row is None else agent_of(row)

    async def agent_by_subject(self, subject: str) -> Agent | None:
        """The agent who signs in as this subject."""
        row = await fetch_one(self._connection, _AGENT_BY_SUBJECT, subject)
        return None if row is None else agent_of(row)

    async def add_agent(self, agent: Agent) -> None:
        """Keep a new agent. Raises `agent_exists`."""
        added = await fetch_one(
            self._connection,
            _ADD_AGENT,
            agent.id,
            agent.display_name,
            agent.subject,
            list(agent.roles),
            agent.locale,
            agent.created_at,
        )
        if added is None:
            standing = await self.agent_by_subject(agent.subject)
            raise AlreadyExists("agent", f"agents/{standing.id}" if standing else "")

    async def partner(self, partner_id: str) -> Partner | None:
        """The partner with this id."""
        row = await fetch_one(self._connection, _PARTNER, partner_id)
        if row is None:
            return None
        return Partner(id=row[0], display_name=row[1], public_key_pem=row[2], created_at=row[3])

    async def partner_names(self, partner_ids: Collection[str]) -> Mapping[str, str]:
        """What people call these partners."""
        found = await fetch(self._connection, _PARTNER_NAMES, list(partner_ids))
        return {row[0]: row[1] for row in found}

    async def add_partner(self, partner: Partner) -> None:
        """Keep a new partner."""
        await execute(
            self._connection,
            _ADD_PARTNER,
            partner.id,
            partner.display_name,
            partner.public_key_pem,
            partner.created_at,
        )
