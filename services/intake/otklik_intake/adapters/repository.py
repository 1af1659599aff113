"""Intake's collections in PostgreSQL: each method is one statement for the whole batch.

Rows are locked and written in the order of their keys, so that two batches never wait for each
other in a ring. Instants come from the unit of work: no statement asks the database for the time.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from otklik_intake.adapters import statements, tables
from otklik_intake.domain.accounts import Accounts, Channel, ChannelAccount
from otklik_intake.domain.commands import SettleItem
from otklik_intake.domain.items import Arrival, ItemState, Key, Receipt, StoredFile, StoredItem
from otklik_intake.domain.letter import File
from otklik_intake.domain.outcome import Outcome

_ACCOUNTS_LOCK = 0x07_71_40


def _columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Turn rows into the arrays that `unnest` wants."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


class PostgresItems:
    """The ledger, with originals and files."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, arrivals: Sequence[tuple[Arrival, Receipt]]) -> set[str]:
        """Store new items with their originals and files; skip those that are there already."""
        rows = [_item_row(arrival, receipt) for arrival, receipt in arrivals]
        inserted = await self._connection.exec_driver_sql(
            statements.ADD_ITEMS, tuple(_columns(rows, statements.ITEM_COLUMNS))
        )
        fresh = {item_id for (item_id,) in inserted}
        originals = [
            _original_row(arrival, receipt)
            for arrival, receipt in arrivals
            if receipt.item_id in fresh
        ]
        if originals:
            await self._connection.exec_driver_sql(
                statements.ADD_ORIGINALS, tuple(_columns(originals, statements.ORIGINAL_COLUMNS))
            )
        files = [
            pair
            for arrival, receipt in arrivals
            if receipt.item_id in fresh
            for pair in zip(arrival.stored_files(receipt.item_id), arrival.files, strict=True)
        ]
        if files:
            await self.add_files(files)
        return fresh

    async def find(self, keys: Collection[Key]) -> dict[Key, tuple[Receipt, bytes]]:
        """Give the items stored under these keys."""
        rows = [_key_row(key) for key in keys]
        found = await self._connection.exec_driver_sql(
            statements.FIND_ITEMS, tuple(_columns(rows, statements.KEY_COLUMNS))
        )
        return {
            Key(
                channel=Channel(row.channel),
                account=row.account,
                partner_id=row.partner_id,
                external_id=row.external_id,
                variant=row.variant,
            ): (
                Receipt(
                    item_id=row.id,
                    conversation_id=row.conversation_id,
                    state=ItemState(row.state),
                    received_at=row.received_at,
                    fresh=False,
                ),
                row.content_digest,
            )
            for row in found
        }

    async def take_unread(
        self, *, heavy: bool, limit: int, among: Collection[str] | None = None
    ) -> list[StoredItem]:
        """Lock the oldest unread items that no other reader holds."""
        statement = statements.TAKE_HEAVY if heavy else statements.TAKE_TAME
        found = await self._connection.exec_driver_sql(
            statement, (limit, None if among is None else list(among))
        )
        return [
            StoredItem(
                item_id=row.id,
                channel=Channel(row.channel),
                account=row.account,
                external_id=row.external_id,
                partner_id=row.partner_id,
                conversation_id=row.conversation_id,
                received_at=row.received_at,
                media_type=row.media_type,
                original=row.content,
                envelope_sender=row.envelope_sender,
                recipients=tuple(row.recipients),
                traceparent=row.traceparent,
                heavy=heavy,
            )
            for row in found
        ]

    async def save_outcomes(self, outcomes: Sequence[Outcome], now: datetime) -> None:
        """Write what reading found."""
        rows = [
            (
                one.item_id,
                one.state,
                one.reason,
                one.conversation_id,
                one.subject,
                one.sender_address,
            )
            for one in outcomes
        ]
        await self._connection.exec_driver_sql(
            statements.SAVE_OUTCOMES, (*_columns(rows, statements.OUTCOME_COLUMNS), now)
        )

    async def add_files(self, files: Sequence[tuple[StoredFile, File]]) -> None:
        """Keep files; what an earlier reading of the same item kept is replaced by nothing."""
        rows = [
            (
                stored.attachment_id,
                stored.item_id,
                stored.position,
                stored.filename,
                stored.content_type,
                stored.size_bytes,
                stored.sha256,
                file.content,
            )
            for stored, file in files
        ]
        await self._connection.exec_driver_sql(
            statements.ADD_FILES, tuple(_columns(rows, statements.FILE_COLUMNS))
        )

    async def files_of(self, item_ids: Collection[str]) -> dict[str, tuple[StoredFile, ...]]:
        """Give the files kept for each item, in order."""
        found = await self._connection.execute(
            statements.FILES_OF.where(tables.attachments.c.item_id.in_(list(item_ids)))
        )
        files: dict[str, tuple[StoredFile, ...]] = {}
        for row in found:
            stored = stored_file(row)
            files[stored.item_id] = (*files.get(stored.item_id, ()), stored)
        return files

    async def states(self, item_ids: Collection[str]) -> dict[str, ItemState]:
        """Lock these items in the order of their ids and give their states."""
        found = await self._connection.exec_driver_sql(
            statements.LOCK_STATES, (sorted(set(item_ids)),)
        )
        return {row.id: ItemState(row.state) for row in found}

    async def settle(self, settled: Sequence[SettleItem], now: datetime) -> None:
        """Write what became of items."""
        rows = [
            (one.item_id, one.state, one.reason, one.conversation_id, one.ticket_id)
            for one in settled
        ]
        await self._connection.exec_driver_sql(
            statements.SETTLE, (*_columns(rows, statements.SETTLE_COLUMNS), now)
        )

    async def requeue(self, item_id: str) -> None:
        """Let an item be read again, apart from the others."""
        await self._connection.exec_driver_sql(statements.REQUEUE, (item_id,))


class PostgresThreadMemory:
    """Which conversation a mail belongs to."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def conversations(self, digests: Collection[bytes]) -> dict[bytes, str]:
        """Give the conversations of the mails that are known."""
        found = await self._connection.exec_driver_sql(statements.CONVERSATIONS, (sorted(digests),))
        return {row.digest: row.conversation_id for row in found}

    async def remember(self, known: Mapping[bytes, tuple[str, str]]) -> None:
        """Remember mails; what is known already stays as it is."""
        rows = [(digest, *known[digest]) for digest in sorted(known)]
        await self._connection.exec_driver_sql(statements.REMEMBER, tuple(_columns(rows, 3)))

    async def move(self, settled: Sequence[SettleItem]) -> None:
        """Let the mails of these items name the conversation they finally came to."""
        if not settled:
            return
        rows = [(one.item_id, one.conversation_id) for one in settled]
        await self._connection.exec_driver_sql(statements.MOVE, tuple(_columns(rows, 2)))


class PostgresAccounts:
    """The channel accounts."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def all(self) -> Accounts:
        """Give them all."""
        return await read_accounts(self._connection)

    async def lock(self) -> None:
        """Let nobody else add an account until this transaction ends."""
        await self._connection.exec_driver_sql(
            "select pg_advisory_xact_lock($1::bigint)", (_ACCOUNTS_LOCK,)
        )

    async def add(self, account: ChannelAccount, now: datetime) -> None:
        """Store a new account."""
        await self._connection.execute(
            tables.channel_accounts.insert().values(
                name=account.name,
                channel=account.channel,
                address=account.address,
                display_name_ru=account.display_name["ru"],
                display_name_en=account.display_name["en"],
                default_service=account.default_service,
                reply_account=account.reply_account,
                default_locale=account.default_locale,
                created_at=now,
            )
        )


async def read_accounts(connection: AsyncConnection) -> Accounts:
    """Read all channel accounts."""
    found = await connection.execute(select(tables.channel_accounts))
    return Accounts(account_of(row) for row in found)


def account_of(row: Any) -> ChannelAccount:
    """Make an account of its row."""
    return ChannelAccount(
        name=row.name,
        channel=Channel(row.channel),
        address=row.address,
        display_name={"ru": row.display_name_ru, "en": row.display_name_en},
        default_service=row.default_service,
        reply_account=row.reply_account,
        default_locale=row.default_locale,
    )


def stored_file(row: Any) -> StoredFile:
    """Make a file's reference of its row."""
    return StoredFile(
        attachment_id=row.id,
        item_id=row.item_id,
        position=row.position,
        filename=row.filename,
        content_type=row.content_type,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
    )


def _key_row(key: Key) -> tuple[Any, ...]:
    return (key.channel, key.account, key.partner_id, key.external_id, key.variant)


def _item_row(arrival: Arrival, receipt: Receipt) -> tuple[Any, ...]:
    return (
        receipt.item_id,
        *_key_row(arrival.key),
        arrival.content_digest,
        receipt.state,
        arrival.refusal,
        receipt.received_at,
        receipt.received_at if arrival.refusal else None,
        arrival.heavy,
        arrival.size_bytes,
        receipt.conversation_id,
        arrival.traceparent,
    )


def _original_row(arrival: Arrival, receipt: Receipt) -> tuple[Any, ...]:
    return (
        receipt.item_id,
        arrival.media_type,
        arrival.envelope_sender,
        "\n".join(arrival.recipients),
        arrival.original,
    )
