"""What intake says, as facts of its own domain."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from otklik_intake.domain.accounts import Channel, ChannelAccount
from otklik_intake.domain.items import StoredFile


class Evidence(StrEnum):
    """Why a conversation is proposed; none means that the message starts one."""

    NONE = "none"
    TOKEN = "token"  # noqa: S105 - a word, not a secret
    REFERENCES = "references"
    PARTNER = "partner"


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageReceived:
    """A customer's message was received, stored and read."""

    item_id: str
    conversation_id: str
    evidence: Evidence
    channel: Channel
    account: str
    reply_account: str
    sender_address: str
    sender_name: str
    subject: str
    text: str
    text_cut: bool
    files: tuple[StoredFile, ...]
    locale: str
    service: str
    received_at: datetime
    automatic: bool
    internet_message_id: str
    partner_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageQuarantined:
    """An item could not be read; a person decides."""

    item_id: str
    conversation_id: str
    reason: str
    received_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageRefused:
    """An item was refused for a recorded reason."""

    item_id: str
    conversation_id: str
    reason: str
    received_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelAccountChanged:
    """A channel account was added or changed."""

    account: ChannelAccount


DomainEvent = MessageReceived | MessageQuarantined | MessageRefused | ChannelAccountChanged
