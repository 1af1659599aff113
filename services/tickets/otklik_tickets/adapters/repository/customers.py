"""Customers and their addresses in PostgreSQL.

The primary key of an address settles who a newcomer is: whoever claims it first.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from otklik_runtime import bulk
from otklik_tickets.adapters import tables
from otklik_tickets.adapters.statements import Row, execute, fetch
from otklik_tickets.domain.channels import Address, Channel
from otklik_tickets.domain.customer import Customer, Identity
from otklik_tickets.domain.errors import CustomerNotFound, IdentityTaken

CUSTOMER = """
    c.id::text, c.display_name, c.segment, c.locale, c.time_zone, c.created_at, c.version
"""

_BY_ADDRESSES = f"""
    select i.channel, i.address, i.verified, {CUSTOMER}
      from unnest($1::smallint[], $2::text[]) as f (channel, address)
      join customer_identities i on i.channel = f.channel and i.address = f.address
      join customers c on c.id = i.customer_id
"""  # noqa: S608 - columns of our own table

# The address settles who the newcomer is: of two who claim one at the same moment the second waits
# for the first, and then leaves it to them. In one statement, so that only winners become rows.
_WELCOME = """
    with newcomers as (
      select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[],
                           $6::timestamptz[], $7::integer[], $8::smallint[], $9::text[],
                           $10::boolean[])
        as f (id, display_name, segment, locale, time_zone, created_at, version, channel, address,
              verified)),
    claimed as (
      insert into customer_identities (channel, address, customer_id, verified)
      select channel, address, id, verified from newcomers where channel is not null
      on conflict (channel, address) do nothing
      returning customer_id),
    added as (
      insert into customers (id, display_name, segment, locale, time_zone, created_at, version)
      select id, display_name, segment, locale, time_zone, created_at, version from newcomers
       where channel is null or id in (select customer_id from claimed))
    select customer_id::text from claimed
"""

_CLAIM = bulk.insert(
    tables.customer_identities,
    "on conflict (channel, address) do nothing returning customer_id::text",
)
_ADD = bulk.insert(tables.customers)

_PROVE = """
    update customer_identities as i set verified = true
      from unnest($1::smallint[], $2::text[]) as f (channel, address)
     where i.channel = f.channel and i.address = f.address
    returning i.customer_id::text
"""
_COUNT = "update customers set version = version + 1 where id = any($1::uuid[])"

_GET = f"select {CUSTOMER} from customers c where c.id = any($1::uuid[]) order by c.id"  # noqa: S608 - columns of our own table

IDENTITIES = """
    select customer_id::text, channel, address, verified from customer_identities
     where customer_id = any($1::uuid[]) order by customer_id, channel, address
"""


def customer_of(row: Row, identities: Sequence[Identity]) -> Customer:
    """The customer a row of `CUSTOMER` holds."""
    return Customer(
        id=row[0],
        display_name=row[1],
        identities=tuple(identities),
        segment=row[2],
        locale=row[3],
        time_zone=row[4],
        created_at=row[5],
        version=row[6],
    )


async def identities_of(
    connection: AsyncConnection, customer_ids: Collection[str]
) -> Mapping[str, list[Identity]]:
    """All addresses of these customers."""
    by_customer: dict[str, list[Identity]] = defaultdict(list)
    for customer_id, channel, value, verified in await fetch(
        connection, IDENTITIES, list(customer_ids)
    ):
        address = Address(channel=Channel(channel), value=value)
        by_customer[customer_id].append(Identity(address=address, verified=verified))
    return by_customer


class PostgresCustomers:
    """Customers of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        """Use the transaction's connection."""
        self._connection = connection

    async def get(self, customer_id: str) -> Customer:
        """The customer. Raises `customer_not_found`."""
        found = await self._many([customer_id])
        if not found:
            raise CustomerNotFound(customer_id)
        return found[0]

    async def by_addresses(self, addresses: Collection[Address]) -> dict[Address, Customer]:
        """Who has these addresses, each customer with that one address."""
        if not addresses:
            return {}
        found = await fetch(self._connection, _BY_ADDRESSES, *_columns(addresses))
        known: dict[Address, Customer] = {}
        for row in found:
            address = Address(channel=Channel(row[0]), value=row[1])
            identity = Identity(address=address, verified=row[2])
            known[address] = customer_of(row[3:], [identity])
        return known

    async def welcome(self, customers: Sequence[Customer]) -> dict[Address, Customer]:
        """Keep these new customers, unless somebody has their address by now."""
        rows = [(*_row(each), *_claim(each)) for each in customers]
        found = await fetch(self._connection, _WELCOME, *bulk.by_column(rows))
        won = {row[0] for row in found}
        settled = {each.identities[0].address: each for each in customers if each.id in won}
        lost = [
            each.identities[0].address
            for each in customers
            if each.identities and each.id not in won
        ]
        return settled | await self.by_addresses(lost)

    async def add(self, customer: Customer) -> None:
        """Keep a new customer. Raises `identity_taken`."""
        known = await self.by_addresses([each.address for each in customer.identities])
        for taken in known.values():
            raise IdentityTaken(taken.id)
        await execute(self._connection, _ADD, *bulk.by_column([_row(customer)]))
        claims = sorted(
            (each.address.channel, each.address.value, customer.id, each.verified)
            for each in customer.identities
        )
        if not claims:
            return
        found = await fetch(self._connection, _CLAIM, *bulk.by_column(claims))
        if len(found) < len(claims):
            known = await self.by_addresses([each.address for each in customer.identities])
            raise IdentityTaken(next(each.id for each in known.values() if each.id != customer.id))

    async def prove(self, addresses: Collection[Address]) -> list[Customer]:
        """Mark these addresses as proven, and return their customers as they are now."""
        found = await fetch(self._connection, _PROVE, *_columns(addresses))
        customer_ids = sorted({row[0] for row in found})
        await execute(self._connection, _COUNT, customer_ids)
        return await self._many(customer_ids)

    async def _many(self, customer_ids: Collection[str]) -> list[Customer]:
        rows = await fetch(self._connection, _GET, list(customer_ids))
        identities = await identities_of(self._connection, customer_ids)
        return [customer_of(row, identities.get(row[0], [])) for row in rows]


def _columns(addresses: Collection[Address]) -> tuple[list[int], list[str]]:
    return [each.channel for each in addresses], [each.value for each in addresses]


def _row(customer: Customer) -> tuple[object, ...]:
    """The values of a new row of `tables.customers`, in the order of its columns."""
    return (
        customer.id,
        customer.display_name,
        customer.segment,
        customer.locale,
        customer.time_zone,
        customer.created_at,
        customer.version,
    )


def _claim(customer: Customer) -> tuple[object, ...]:
    """The one address a newcomer claims, if it has one."""
    if not customer.identities:
        return (None, None, None)
    identity = customer.identities[0]
    return (identity.address.channel, identity.address.value, identity.verified)
