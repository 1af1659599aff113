"""What the verbs need: one transaction with its collections, and someone who reads originals."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from otklik_intake.domain.accounts import Accounts, ChannelAccount
from otklik_intake.domain.commands import SettleItem
from otklik_intake.domain.events import DomainEvent
from otklik_intake.domain.items import (
    Arrival,
    ItemState,
    Key,
    LedgerBalance,
    LedgerItem,
    Receipt,
    StoredFile,
    StoredItem,
)
from otklik_intake.domain.letter import Content, File
from otklik_intake.domain.outcome import Outcome
from otklik_intake.domain.service import Service


class Parser(Protocol):
    """Reads originals."""

    def begin(self, now: datetime) -> None:
        """Hear when this process began to read: what is older may have ended the one before."""
        ...

    async def parse(self, items: Sequence[StoredItem]) -> list[Content]:
        """Read originals, in order; what cannot be read comes back as `Unreadable`."""
        ...


Parse = Callable[[Sequence[StoredItem]], Awaitable[list[Content]]]
"""Reads originals, as `Parser.parse` does."""


class Items(Protocol):
    """The ledger, with originals and files."""

    async def add(self, arrivals: Sequence[tuple[Arrival, Receipt]]) -> set[str]:
        """Store these with their originals; give the ids of those that were not there yet."""
        ...

    async def find(self, keys: Collection[Key]) -> dict[Key, tuple[Receipt, bytes]]:
        """Give the items already stored under these keys, with the digest of their content."""
        ...

    async def take_unread(
        self, *, heavy: bool, limit: int, among: Collection[str] | None = None
    ) -> list[StoredItem]:
        """Lock the oldest items that wait to be read and that no other reader holds."""
        ...

    async def save_outcomes(self, outcomes: Sequence[Outcome], now: datetime) -> None:
        """Write what reading found."""
        ...

    async def add_files(self, files: Sequence[tuple[StoredFile, File]]) -> None:
        """Keep these files."""
        ...

    async def files_of(self, item_ids: Collection[str]) -> dict[str, tuple[StoredFile, ...]]:
        """Give the files kept for each item, in order."""
        ...

    async def states(self, item_ids: Collection[str]) -> dict[str, ItemState]:
        """Lock these items in the order of their ids and give their states."""
        ...

    async def settle(self, settled: Sequence[SettleItem], now: datetime) -> None:
        """Write what became of items."""
        ...

    async def requeue(self, item_id: str) -> None:
        """Let an item be read again, apart from the others."""
        ...


class ThreadMemory(Protocol):
    """Which conversation a mail belongs to, by the digest of its Message-ID."""

    async def conversations(self, digests: Collection[bytes]) -> dict[bytes, str]:
        """Give the conversations of the mails that are known."""
        ...

    async def remember(self, known: Mapping[bytes, tuple[str, str]]) -> None:
        """Remember digest -> (conversation, item); what is known already stays as it is."""
        ...

    async def move(self, settled: Sequence[SettleItem]) -> None:
        """Let the mails of these items name the conversation they finally came to."""
        ...


class AccountRows(Protocol):
    """The channel accounts."""

    async def all(self) -> Accounts:
        """Give them all."""
        ...

    async def lock(self) -> None:
        """Let nobody else add an account until this transaction ends."""
        ...

    async def add(self, account: ChannelAccount, now: datetime) -> None:
        """Store a new account."""
        ...


class UnitOfWork(Protocol):
    """One transaction: its moment, its collections, and what it says."""

    @property
    def now(self) -> datetime:
        """The one moment of this unit."""
        ...

    @property
    def items(self) -> Items:
        """The ledger."""
        ...

    @property
    def threads(self) -> ThreadMemory:
        """The memory of Message-IDs."""
        ...

    @property
    def accounts(self) -> AccountRows:
        """The channel accounts."""
        ...

    def record(self, event: DomainEvent, *, traceparent: str = "") -> None:
        """Say that something happened, with this transaction or not at all.

        `traceparent` is the trace the message came in with: its story goes on there.
        """
        ...


class AccountDirectory(Protocol):
    """The channel accounts for the doors: remembered for a moment, so that not every guest asks."""

    async def current(self, *, fresh: bool = False) -> Accounts:
        """Give them; as they are this very moment if `fresh`.

        Raises:
            Unavailable: they cannot be read, and nobody remembers them.
        """
        ...


class Catalogue(Protocol):
    """The services a message can be about, as tickets lists them."""

    async def services(self) -> Sequence[Service]:
        """Give the services; none while tickets does not answer and nobody remembers them."""
        ...

    async def refuses(self, name: str) -> bool:
        """Say whether the catalogue is known and does not have this service."""
        ...


class Views(Protocol):
    """What is read and never changed."""

    async def item(self, item_id: str) -> LedgerItem | None:
        """Give one item with its files."""
        ...

    async def items(
        self, *, before: str, limit: int, state: ItemState | None, account: str
    ) -> list[LedgerItem]:
        """Give items that are older than the item `before`, newest first."""
        ...

    async def ledger(self) -> list[LedgerBalance]:
        """Give the balance of each channel account."""
        ...

    async def accounts(self, *, after: str, limit: int) -> list[ChannelAccount]:
        """Give channel accounts in the order of their names."""
        ...

    async def file(self, attachment_id: str) -> tuple[StoredFile, str] | None:
        """Give a file's reference and the conversation it came in."""
        ...

    async def piece(self, attachment_id: str, *, offset: int, size: int) -> bytes:
        """Give a piece of a file's content."""
        ...


OpenUnit = Callable[[], AbstractAsyncContextManager[UnitOfWork]]
"""Opens a transaction, committed when the block ends well."""
