"""Letters and the ledger as JSON, for programs."""

from dataclasses import asdict
from typing import Any

from tools.mailbox.ledger import Outcome
from tools.mailbox.shelf import Message, Shelf


def message_summary(message: Message) -> dict[str, Any]:
    """Say what a list shows of a letter."""
    letter = message.letter
    return {
        "number": message.number,
        "received_at": message.entry.at,
        "answered": message.answered,
        "mail_from": message.mail_from,
        "recipients": list(message.recipients),
        "message_id": message.message_id,
        "from": letter.header("from"),
        "to": letter.header("to"),
        "subject": letter.subject,
        "size": message.entry.size,
        "sha256": message.entry.sha256,
        "attachments": [
            {
                "index": attachment.index,
                "name": attachment.name,
                "content_type": attachment.content_type,
                "size": attachment.size,
            }
            for attachment in letter.attachments
        ],
    }


def message_document(message: Message) -> dict[str, Any]:
    """Say everything about a letter; `html` is as it came, not cleaned."""
    letter = message.letter
    return message_summary(message) | {
        "headers": [list(pair) for pair in letter.headers],
        "text": letter.text,
        "html": letter.html,
    }


def ledger_document(shelf: Shelf, since: int) -> dict[str, Any]:
    """Say how all attempts ended, and each one after the first `since`."""
    return {
        "counts": {outcome.value: shelf.count(outcome) for outcome in Outcome},
        "entries": [asdict(entry) for entry in shelf.entries[since:]],
    }
