"""What reading made of an item: the conversation it is proposed for, and what is said of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from otklik_intake.domain import fingerprint
from otklik_intake.domain.events import Evidence, MessageQuarantined, MessageReceived
from otklik_intake.domain.items import ItemState, StoredFile
from otklik_intake.domain.reading import Reading

MAX_TEXT_BYTES = 64 * 1024
MAX_LISTED_FILES = 100
WHOLE_TEXT_NAME = "message.txt"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One item after reading: its line in the ledger."""

    item_id: str
    state: ItemState
    reason: str
    conversation_id: str
    subject: str
    sender_address: str


def propose(reading: Reading, known: Mapping[bytes, str]) -> tuple[str, Evidence]:
    """Give the conversation an item is proposed for, and why.

    A signed token or a partner's word comes first, then a mail that is known. Otherwise the item
    keeps the conversation that was minted for it when it arrived.
    """
    finding = reading.finding
    if finding.conversation_id:
        return finding.conversation_id, finding.evidence
    for message_id in finding.answers_to:
        conversation_id = known.get(fingerprint.of_message_id(message_id))
        if conversation_id is not None:
            return conversation_id, Evidence.REFERENCES
    return reading.item.conversation_id, Evidence.NONE


def of_reading(reading: Reading, conversation_id: str) -> Outcome:
    """Give an item's line in the ledger."""
    finding = reading.finding
    return Outcome(
        item_id=reading.item.item_id,
        state=ItemState.QUARANTINED if finding.quarantine else ItemState.PENDING,
        reason=finding.quarantine,
        conversation_id=conversation_id,
        subject=finding.subject,
        sender_address=finding.sender.address if finding.sender else "",
    )


def quarantined(reading: Reading, conversation_id: str) -> MessageQuarantined:
    """Say that an item could not be read."""
    return MessageQuarantined(
        item_id=reading.item.item_id,
        conversation_id=conversation_id,
        reason=reading.finding.quarantine,
        received_at=reading.item.received_at,
    )


def received(
    reading: Reading, conversation_id: str, evidence: Evidence, files: Sequence[StoredFile]
) -> MessageReceived:
    """Say that a message was received. Long text is cut, and the whole of it is a file."""
    item, finding, account = reading.item, reading.finding, reading.account
    if finding.sender is None or account is None:
        raise ValueError(f"{item.item_id} was not read")
    text = cut(finding.text)
    return MessageReceived(
        item_id=item.item_id,
        conversation_id=conversation_id,
        evidence=evidence,
        channel=item.channel,
        account=item.account,
        reply_account=account.answers_from,
        sender_address=finding.sender.address,
        sender_name=finding.sender.name,
        subject=finding.subject,
        text=text,
        text_cut=text != finding.text,
        files=tuple(files[:MAX_LISTED_FILES]),
        locale=finding.locale,
        service=finding.service,
        received_at=item.received_at,
        automatic=finding.automatic,
        internet_message_id=finding.internet_message_id,
        partner_id=item.partner_id,
    )


def cut(text: str) -> str:
    """Return at most 64 KiB of a text, never half a letter."""
    encoded = text.encode()
    if len(encoded) <= MAX_TEXT_BYTES:
        return text
    return encoded[:MAX_TEXT_BYTES].decode(errors="ignore")
