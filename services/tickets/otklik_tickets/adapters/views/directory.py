"""Customers and agents, to be shown."""

from otklik_runtime.database import Database
from otklik_tickets.adapters.repository.customers import (
    CUSTOMER,
    customer_of,
    identities_of,
)
from otklik_tickets.adapters.repository.directory import AGENT, agent_of
from otklik_tickets.adapters.statements import fetch, fetch_one
from otklik_tickets.domain.channels import Channel
from otklik_tickets.domain.customer import Customer
from otklik_tickets.domain.errors import CustomerNotFound
from otklik_tickets.domain.shown import Page
from otklik_tickets.domain.staff import Agent

_CUSTOMER = f"select {CUSTOMER} from customers c where c.id = $1::uuid"  # noqa: S608 - columns of our own table

# Ids are made in order of time, so the newest customer has the greatest id.
_NEWEST = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_CUSTOMERS = f"""
    select {CUSTOMER} from customers c where c.id < $1::uuid order by c.id desc limit $2
"""  # noqa: S608 - columns of our own table
_CUSTOMERS_AT = f"""
    select {CUSTOMER} from customers c
     where c.id < $1::uuid
       and c.id in (select i.customer_id from customer_identities i
                     where i.channel = any($4::smallint[]) and i.address in ($3, lower($3)))
     order by c.id desc limit $2
"""  # noqa: S608 - columns of our own table

_FIRST = "00000000-0000-0000-0000-000000000000"
_AGENTS = f"""
    select {AGENT} from agents a
     where (a.display_name, a.id) > ($1, $2::uuid)
     order by a.display_name, a.id limit $3
"""  # noqa: S608 - columns of our own table


class PostgresDirectoryViews:
    """Reads the directory."""

    def __init__(self, database: Database) -> None:
        """Read from this database."""
        self._database = database

    async def customer(self, customer_id: str) -> Customer:
        """One customer. Raises `customer_not_found`."""
        async with self._database.read() as connection:
            row = await fetch_one(connection, _CUSTOMER, customer_id)
            if row is None:
                raise CustomerNotFound(customer_id)
            identities = await identities_of(connection, [customer_id])
        return customer_of(row, identities.get(customer_id, []))

    async def customers(self, *, address: str, after_id: str, size: int) -> Page[Customer]:
        """Customers, the newest first."""
        async with self._database.read() as connection:
            before = after_id or _NEWEST
            if address:
                rows = await fetch(
                    connection, _CUSTOMERS_AT, before, size + 1, address.strip(), list(Channel)
                )
            else:
                rows = await fetch(connection, _CUSTOMERS, before, size + 1)
            identities = await identities_of(connection, [row[0] for row in rows[:size]])
        return Page(
            rows=[customer_of(row, identities.get(row[0], [])) for row in rows[:size]],
            more=len(rows) > size,
        )

    async def agents(self, *, after_name: str, after_id: str, size: int) -> Page[Agent]:
        """Agents by name."""
        async with self._database.read() as connection:
            rows = await fetch(connection, _AGENTS, after_name, after_id or _FIRST, size + 1)
        return Page(rows=[agent_of(row) for row in rows[:size]], more=len(rows) > size)
