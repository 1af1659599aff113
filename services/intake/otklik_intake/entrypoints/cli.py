"""Console commands that need neither settings nor a database.

`otklik-intake parse < mail.eml` shows what intake understands of a mail, as one JSON object.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

from otklik_intake.domain.addresses import Mailbox
from otklik_intake.domain.filters.automatic import is_automatic
from otklik_intake.domain.filters.new_text import new_text, tidy
from otklik_intake.domain.letter import File, Letter


def parse(
    arguments: list[str], *, read: Callable[[bytes], Letter], clean: Callable[[str], str]
) -> int:
    """Read one raw mail from the standard input and print what was understood.

    Args:
        arguments: The rest of the command line; there is none.
        read: Reads a mail.
        clean: Makes HTML harmless.
    """
    if arguments:
        sys.stderr.write("otklik-intake parse takes no arguments: give the mail on stdin\n")
        return 2
    letter = read(sys.stdin.buffer.read())
    document = json.dumps(described(letter, clean), ensure_ascii=False, indent=2)
    sys.stdout.buffer.write(document.encode("utf-8", "replace") + b"\n")
    return 0


def described(letter: Letter, clean: Callable[[str], str]) -> dict[str, Any]:
    """Give a letter as a document."""
    return {
        "message_id": letter.message_id or None,
        "in_reply_to": letter.in_reply_to[0] if letter.in_reply_to else None,
        "references": list(letter.references),
        "date": _instant(letter.date),
        "from": _mailbox(letter.senders[0]) if letter.senders else None,
        "to": [_mailbox(one) for one in letter.to],
        "cc": [_mailbox(one) for one in letter.cc],
        "subject": letter.subject,
        "text": tidy(letter.text),
        "html": clean(letter.html) if letter.html else None,
        "reply_text": new_text(letter.text),
        "attachments": [_attachment(file) for file in letter.files],
        "auto_submitted": is_automatic(letter),
    }


def _mailbox(mailbox: Mailbox) -> dict[str, str]:
    return {"name": mailbox.name, "address": mailbox.address}


def _attachment(file: File) -> dict[str, Any]:
    return {
        "filename": file.filename,
        "content_type": file.content_type,
        "size_bytes": len(file.content),
        "sha256": hashlib.sha256(file.content).hexdigest(),
        "content_id": file.content_id or None,
    }


def _instant(date: str) -> str | None:
    """Read a Date header; real mail has every kind of it."""
    try:
        return parsedate_to_datetime(date).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
