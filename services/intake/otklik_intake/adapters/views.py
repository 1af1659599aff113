"""Reading queries for the APIs; nothing here changes a row."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ColumnElement, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from otklik_intake.adapters import statements
from otklik_intake.adapters.repository import account_of, stored_file
from otklik_intake.adapters.tables import attachments, channel_accounts, items
from otklik_intake.domain.accounts import Channel, ChannelAccount
from otklik_intake.domain.items import ItemState, LedgerBalance, LedgerItem, StoredFile
from otklik_runtime.database import Database

_COLUMNS = (
    items.c.id,
    items.c.channel,
    items.c.account,
    items.c.state,
    items.c.reason,
    items.c.conversation_id,
    items.c.ticket_id,
    items.c.received_at,
    items.c.size_bytes,
    items.c.subject,
    items.c.sender_address,
    items.c.external_id,
    items.c.partner_id,
    items.c.traceparent,
)
# Both answered from indexes alone, however long the history is.
_COUNTS = select(items.c.account, items.c.state, func.count().label("number")).group_by(
    items.c.account, items.c.state
)
_OLDEST = (
    select(items.c.account, func.min(items.c.received_at).label("oldest"))
    .where(literal_column("state = 'pending'"))
    .group_by(items.c.account)
)


class PostgresViews:
    """What is read and never changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def item(self, item_id: str) -> LedgerItem | None:
        """Give one item with its files."""
        async with self._database.read() as connection:
            row = (
                await connection.execute(select(*_COLUMNS).where(items.c.id == item_id))
            ).one_or_none()
            if row is None:
                return None
            files = await _files(connection, [item_id])
        return _item(row, files.get(item_id, ()))

    async def items(
        self, *, before: str, limit: int, state: ItemState | None, account: str
    ) -> list[LedgerItem]:
        """Give items that are older than the item `before`, newest first."""
        query = select(*_COLUMNS).order_by(items.c.id.desc()).limit(limit)
        if before:
            query = query.where(items.c.id < before)
        if state is not None:
            query = query.where(_in_state(state))
        if account:
            query = query.where(items.c.account == account)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
            files = await _files(connection, [row.id for row in rows]) if rows else {}
        return [_item(row, files.get(row.id, ())) for row in rows]

    async def ledger(self) -> list[LedgerBalance]:
        """Give the balance of each channel account."""
        async with self._database.read() as connection:
            # One snapshot for both, or the oldest pending item may be one that is counted settled.
            await connection.exec_driver_sql("set transaction isolation level repeatable read")
            counted = (await connection.execute(_COUNTS)).all()
            pending = (await connection.execute(_OLDEST)).all()
        oldest: dict[str, datetime] = {row.account: row.oldest for row in pending}
        counts: dict[str, dict[ItemState, int]] = {}
        for row in counted:
            counts.setdefault(row.account, {})[ItemState(row.state)] = row.number
        return [
            LedgerBalance(
                account=account, counts=counts[account], oldest_pending_at=oldest.get(account)
            )
            for account in sorted(counts)
        ]

    async def accounts(self, *, after: str, limit: int) -> list[ChannelAccount]:
        """Give channel accounts in the order of their names."""
        query = (
            select(channel_accounts)
            .where(channel_accounts.c.name > after)
            .order_by(channel_accounts.c.name)
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [account_of(row) for row in await connection.execute(query)]

    async def file(self, attachment_id: str) -> tuple[StoredFile, str] | None:
        """Give a file's reference and the conversation it came in."""
        query = (
            statements.FILES_OF.add_columns(items.c.conversation_id)
            .join_from(attachments, items, items.c.id == attachments.c.item_id)
            .where(attachments.c.id == attachment_id)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else (stored_file(row), row.conversation_id)

    async def piece(self, attachment_id: str, *, offset: int, size: int) -> bytes:
        """Give a piece of a file's content; only these bytes are read."""
        query = select(func.substring(attachments.c.content, offset + 1, size)).where(
            attachments.c.id == attachment_id
        )
        async with self._database.read() as connection:
            found: bytes | None = (await connection.execute(query)).scalar_one_or_none()
        return found or b""


def _in_state(state: ItemState) -> ColumnElement[bool]:
    # Written out, so that the planner may use the indexes on single states.
    return literal_column(f"items.state = '{state.value}'", Boolean)


async def _files(
    connection: AsyncConnection, item_ids: Sequence[str]
) -> dict[str, tuple[StoredFile, ...]]:
    found = await connection.execute(
        statements.FILES_OF.where(attachments.c.item_id.in_(list(item_ids)))
    )
    files: dict[str, tuple[StoredFile, ...]] = {}
    for row in found:
        stored = stored_file(row)
        files[stored.item_id] = (*files.get(stored.item_id, ()), stored)
    return files


def _item(row: Any, files: tuple[StoredFile, ...]) -> LedgerItem:
    return LedgerItem(
        item_id=row.id,
        channel=Channel(row.channel),
        account=row.account,
        state=ItemState(row.state),
        reason=row.reason,
        conversation_id=row.conversation_id,
        ticket_id=row.ticket_id or "",
        received_at=row.received_at,
        size_bytes=row.size_bytes,
        subject=row.subject,
        sender_address=row.sender_address,
        external_id=row.external_id,
        partner_id=row.partner_id,
        traceparent=row.traceparent,
        files=files,
    )
