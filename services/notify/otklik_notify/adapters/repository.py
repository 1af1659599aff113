"""Notify's collections in PostgreSQL: each method is one statement for the whole batch.

The order of the tables is the same everywhere (acknowledgements, threads, deliveries), and within a
table rows are locked in the order of their ids, so that two batches never wait for each other.
Instants come from the unit of work: no statement asks the database for the time.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import bindparam, case, func, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from otklik_notify.adapters import rows
from otklik_notify.adapters.tables import AUTOMATIC, OPEN, WAITING, accounts, acknowledgements
from otklik_notify.adapters.tables import deliveries as deliveries_table
from otklik_notify.adapters.tables import threads as threads_table
from otklik_notify.domain.acknowledgement import Acknowledgement, Half, Outcome
from otklik_notify.domain.delivery import Delivery, State
from otklik_notify.domain.mail import Account, Mail, Thread


class PostgresAcknowledgements:
    """The acknowledgement of every ticket."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def join(self, halves: Sequence[Half]) -> list[Acknowledgement]:
        """Add what events know: whoever comes second finds both halves in what is returned."""
        new = insert(acknowledgements)
        waits = acknowledgements.c.outcome == Outcome.WAITING
        joined = new.on_conflict_do_update(
            index_elements=[acknowledgements.c.ticket_id],
            set_={
                column.name: case(
                    (waits, func.coalesce(column, new.excluded[column.name])), else_=column
                )
                for column in (
                    acknowledgements.c.opened,
                    acknowledgements.c.deadlines,
                    acknowledgements.c.due_at,
                )
            },
        ).returning(*acknowledgements.c)
        ordered = sorted((rows.row_of_half(half) for half in halves), key=_ticket)
        found = await self._connection.execute(joined, ordered)
        return [rows.acknowledgement_of(row) for row in found.mappings()]

    async def due(self, now: datetime, limit: int) -> list[Acknowledgement]:
        """Lock those that have waited long enough and that nobody else holds."""
        found = await self._connection.execute(
            select(acknowledgements)
            .where(WAITING, acknowledgements.c.due_at <= now)
            .order_by(acknowledgements.c.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [rows.acknowledgement_of(row) for row in found.mappings()]

    async def settle(self, settled: Sequence[Acknowledgement]) -> None:
        """Write what became of them and forget what they needed."""
        if not settled:
            return
        await self._connection.execute(
            update(acknowledgements)
            .where(acknowledgements.c.ticket_id == bindparam("of_ticket"))
            .values(outcome=bindparam("became"), opened=null(), deadlines=null(), due_at=null()),
            [{"of_ticket": each.ticket_id, "became": each.outcome} for each in settled],
        )


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
        found = await self._connection.execute(
            select(threads_table)
            .where(threads_table.c.conversation_id.in_(sorted(conversation_ids)))
            .order_by(threads_table.c.conversation_id)
            .with_for_update()
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
        if not threads:
            return
        new = insert(threads_table)
        await self._connection.execute(
            new.on_conflict_do_update(
                index_elements=[threads_table.c.conversation_id],
                set_={
                    "message_ids": new.excluded.message_ids,
                    "newest_customer_mail": new.excluded.newest_customer_mail,
                },
            ),
            [
                {
                    "conversation_id": thread.conversation_id,
                    "message_ids": thread.message_ids,
                    "newest_customer_mail": thread.newest_customer_mail,
                }
                for thread in sorted(threads, key=lambda thread: thread.conversation_id)
            ],
        )


class PostgresDeliveries:
    """Everything that leaves."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, queued: Sequence[tuple[Delivery, Mail]]) -> set[str]:
        """Add deliveries that are not there yet; return the ids of those that were new."""
        found = await self._connection.execute(
            insert(deliveries_table).on_conflict_do_nothing().returning(deliveries_table.c.id),
            sorted((rows.row_of_delivery(delivery, mail) for delivery, mail in queued), key=_id),
        )
        return set(found.scalars())

    async def automatic_since(self, addresses: Collection[str], since: datetime) -> dict[str, int]:
        """Count what machines have written to these addresses since then."""
        found = await self._connection.execute(
            select(deliveries_table.c.recipient, func.count())
            .where(
                AUTOMATIC,
                deliveries_table.c.state != State.FAILED,
                deliveries_table.c.recipient.in_(sorted(addresses)),
                deliveries_table.c.created_at > since,
            )
            .group_by(deliveries_table.c.recipient)
        )
        return {address: count for address, count in found}  # noqa: C416 - rows are no pairs to mypy

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
        found = await self._connection.execute(
            select(*rows.DELIVERY_COLUMNS)
            .where(deliveries_table.c.id.in_(sorted(delivery_ids)))
            .order_by(deliveries_table.c.id)
            .with_for_update()
        )
        return {row["id"]: rows.delivery_of(row) for row in found.mappings()}

    async def save(self, deliveries: Sequence[Delivery]) -> None:
        """Write how far they got."""
        if not deliveries:
            return
        columns = rows.progress_of(deliveries[0])
        await self._connection.execute(
            update(deliveries_table)
            .where(deliveries_table.c.id == bindparam("of_delivery"))
            .values({name: bindparam(f"new_{name}") for name in columns}),
            [
                {
                    "of_delivery": delivery.id,
                    **{f"new_{name}": value for name, value in rows.progress_of(delivery).items()},
                }
                for delivery in sorted(deliveries, key=lambda delivery: delivery.id)
            ],
        )


def _ticket(row: Mapping[str, object]) -> str:
    return str(row["ticket_id"])


def _name(row: Mapping[str, object]) -> str:
    return str(row["name"])


def _id(row: Mapping[str, object]) -> str:
    return str(row["id"])
