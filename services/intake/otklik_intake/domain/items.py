"""The ledger: what was received, and what became of each item.

received = pending + ticketed + appended + quarantined + refused, always. An item leaves `pending`
only on tickets' own word, because it cannot be read, or by a refusal with a recorded reason.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from otklik_intake.domain.accounts import Channel
from otklik_intake.domain.letter import File
from otklik_runtime import ids


class ItemState(StrEnum):
    """What became of an item."""

    PENDING = "pending"
    TICKETED = "ticketed"
    APPENDED = "appended"
    QUARANTINED = "quarantined"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """What makes two deliveries the same: the channel, the account, who says so and its id.

    `variant` is the digest of the content where an id may come again with another content (mail,
    the form); it is empty where the id alone counts, and a second content is refused.
    """

    channel: Channel
    account: str
    partner_id: str
    external_id: str
    variant: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """A message at the door: its original and what the door knows about it.

    `refusal` is a stable word if it is recorded but will open nothing. `heavy` originals are read
    apart from the others, each alone and with a time limit.
    """

    key: Key
    content_digest: bytes
    original: bytes
    media_type: str
    envelope_sender: str = ""
    recipients: tuple[str, ...] = ()
    conversation_id: str = ""
    files: tuple[File, ...] = ()
    heavy: bool = False
    refusal: str = ""
    traceparent: str = ""

    @property
    def size_bytes(self) -> int:
        """How much it holds."""
        return len(self.original) + sum(len(file.content) for file in self.files)

    def stored_files(self, item_id: str) -> list["StoredFile"]:
        """Give the references under which its files will be kept."""
        return [
            StoredFile.of(file, item_id=item_id, position=position)
            for position, file in enumerate(self.files, start=1)
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """The answer at the door: the item that now stands for the message.

    `fresh` is False when the same message had been received before.
    """

    item_id: str
    conversation_id: str
    state: ItemState
    received_at: datetime
    fresh: bool

    @property
    def name(self) -> str:
        """The item's resource name."""
        return f"items/{self.item_id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredItem:
    """An item whose original waits to be read, with that original."""

    item_id: str
    channel: Channel
    account: str
    external_id: str
    partner_id: str
    conversation_id: str
    received_at: datetime
    media_type: str
    original: bytes
    envelope_sender: str
    recipients: tuple[str, ...]
    traceparent: str
    heavy: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """A file that is kept, by reference; `position` orders the files of an item."""

    attachment_id: str
    item_id: str
    position: int
    filename: str
    content_type: str
    size_bytes: int
    sha256: str

    @classmethod
    def of(cls, file: File, *, item_id: str, position: int) -> Self:
        """Give a file the reference under which it will be kept."""
        return cls(
            attachment_id=ids.new_id(),
            item_id=item_id,
            position=position,
            filename=file.filename,
            content_type=file.content_type,
            size_bytes=len(file.content),
            sha256=hashlib.sha256(file.content).hexdigest(),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerItem:
    """One line of the ledger as it is shown."""

    item_id: str
    channel: Channel
    account: str
    state: ItemState
    reason: str
    conversation_id: str
    ticket_id: str
    received_at: datetime
    size_bytes: int
    subject: str
    sender_address: str
    external_id: str
    partner_id: str
    traceparent: str
    files: tuple[StoredFile, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerBalance:
    """The ledger of one channel account: how many items are in each state."""

    account: str
    counts: Mapping[ItemState, int]
    oldest_pending_at: datetime | None

    @property
    def received(self) -> int:
        """Everything that was acknowledged to a sender."""
        return sum(self.counts.values())
