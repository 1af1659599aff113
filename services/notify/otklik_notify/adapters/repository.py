"""Notify's collections in PostgreSQL: each method is one statement for the whole batch.

The order of the tables is the same everywhere (acknowledgements, threads, deliveries), and within a
table rows are locked in the order of their ids, so that two batches never wait for each other.
Instants come from the unit of work: no statement asks the database for the time.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from otklik_notify.adapters import rows, statements
from otklik_notify.adapters.tables import OPEN, accounts
from otklik_notify.adapters.tables import deliveries as deliveries_table
from otklik_notify.domain.acknowledgement import Acknowledgement, Half
from otklik_notify.domain.delivery import Delivery
from otklik_notify.domain.mail import Account, Mail, Thread
from otklik_runtime import bulk


class PostgresAcknowledgements:
    """The acknowledgement of every ticket."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def join(self, halves: Sequence[Half]) -> list[Acknowledgement]:
        """Add what events know: whoever comes second finds both halves in what is returned."""
        ordered = sorted((rows.row_of_half(half) for half in halves), key=_first)
        found = await self._connection.exec_driver_sql(statements.JOIN, bulk.by_column(ordered))
        return [rows.acknowledgement_of(row) for row in found.mappings()]

    async def due(self, now: datetime, limit: int) -> list[Acknowledgement]:
        """Lock those that have waited long enough and that nobody else holds."""
        found = await self._connection.exec_driver_sql(statements.DUE, (now, limit))
        return [rows.acknowledgement_of(row) for row in found.mappings()]

    async def settle(self, settled: Sequence[Acknowledgement]) -> None:
        """Write what became of them and forget what they needed."""
        if settled:
            became = bulk.by_column((each.ticket_id, each.outcome) for each in settled)
            await self._connection.exec_driver_sql(statements.SETTLE, became)


class PostgresAccounts:
    """The channel accounts, as intake announced them."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def known(self, names: Collection[str]) -> dict[str, Account]:
        """Return the accounts that replies to these leave from, by the name asked for."""
        asked = accounts.alias("asked")
        answers = accounts.alias("answers")
        first = (
            select(func.min(accounts.c.name)).where(accounts.c.channel == "email").scalar_subquery()
        )
        answering = func.coalesce(func.nullif(asked.c.reply_account, ""), asked.c.name)
        found = await self._connection.execute(
            select(asked.c.name.label("asked_name"), (asked.c.name == first).label("is_first"))
            .add_columns(*answers.c)
            .join(answers, answers.c.name == answering)
            .where(or_(asked.c.name.in_(sorted(names)), asked.c.name == first))
        )
        known: dict[str, Account] = {}
        for row in found.mappings():
            known[row["asked_name"]] = rows.account_of(row)
            if row["is_first"]:
                known[""] = rows.account_of(row)
        return {name: account for name, account in known.items() if name in names}

    async def save(self, changed: Sequence[Account]) -> None:
        """Write accounts as they are now."""
        new = insert(accounts)
        await self._connection.execute(
            new.on_conflict_do_update(
                index_elements=[accounts.c.name],
                set_={
                    column.name: new.excluded[column.name]
                    for column in accounts.c
                    if not column.primary_key
                },
            ),
            sorted((rows.row_of_account(account) for account in changed), key=_name),
        )


class PostgresThreads:
    """The Message-IDs of every conversation."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, conversation_ids: Collection[str]) -> dict[str, Thread]:
        """Lock and return the threads, a new one where there is none."""
        found = await self._connection.exec_driver_sql(
            statements.LOCK_THREADS, (sorted(conversation_ids),)
        )
        known = {
            row["conversation_id"]: Thread(
                conversation_id=row["conversation_id"],
                message_ids=list(row["message_ids"]),
                newest_customer_mail=row["newest_customer_mail"],
            )
            for row in found.mappings()
        }
        return {
            conversation_id: known.get(conversation_id) or Thread(conversation_id=conversation_id)
            for conversation_id in sorted(conversation_ids)
        }

    async def save(self, threads: Sequence[Thread]) -> None:
        """Write the threads.

        Two first batches of one conversation may both find none; the later one then wins, and one
        Message-ID is missing from References, which no mail program minds.
        """
        if threads:
            ordered = sorted((rows.row_of_thread(thread) for thread in threads), key=_first)
            await self._connection.exec_driver_sql(statements.SAVE_THREADS, bulk.by_column(ordered))


class PostgresDeliveries:
    """Everything that leaves."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, queued: Sequence[tuple[Delivery, Mail]]) -> set[str]:
        """Add deliveries that are not there yet; return the ids of those that were new."""
        ordered = sorted((rows.row_of_delivery(*pair) for pair in queued), key=_first)
        found = await self._connection.exec_driver_sql(
            statements.ADD_DELIVERIES, bulk.by_column(ordered)
        )
        return set(found.scalars())

    async def automatic_since(self, addresses: Collection[str], since: datetime) -> dict[str, int]:
        """Count what machines have written to these addresses since then."""
        found = await self._connection.exec_driver_sql(
            statements.AUTOMATIC_SINCE, (sorted(addresses), since)
        )
        return dict(map(tuple, found))

    async def take(self, now: datetime, limit: int) -> list[tuple[Delivery, Mail]]:
        """Lock deliveries for which something is due and that nobody else holds."""
        found = await self._connection.execute(
            select(deliveries_table)
            .where(OPEN, deliveries_table.c.due_at <= now)
            .order_by(deliveries_table.c.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [(rows.delivery_of(row), rows.mail_of(row)) for row in found.mappings()]

    async def lock(self, delivery_ids: Collection[str]) -> dict[str, Delivery]:
        """Lock these deliveries."""
        found = await self._connection.exec_driver_sql(
            statements.LOCK_DELIVERIES, (sorted(delivery_ids),)
        )
        return {row["id"]: rows.delivery_of(row) for row in found.mappings()}

    async def save(self, deliveries: Sequence[Delivery]) -> None:
        """Write how far they got."""
        if deliveries:
            ordered = sorted(
                ((delivery.id, *rows.progress_of(delivery)) for delivery in deliveries), key=_first
            )
            await self._connection.exec_driver_sql(
                statements.SAVE_PROGRESS, bulk.by_column(ordered)
            )


def _first(row: Sequence[object]) -> str:
    return str(row[0])


def _name(row: Mapping[str, object]) -> str:
    return str(row["name"])
