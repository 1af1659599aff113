"""Logs: one JSON object a line, with the trace they belong to and without personal data.

Anything that looks like an address, a phone number, a card or a token is blanked in every string,
whoever wrote it and however deep it sits; of a protobuf message the marked fields go as well.
"""

import json
import logging
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from opentelemetry import trace

if TYPE_CHECKING:
    from otklik_runtime.env import Settings

# In this order: an address inside a URL with a password is the password's, not a mailbox.
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # scheme://user:password@host
    (re.compile(r"(\w+://)[^\s/@]+@"), r"\1(secret)@"),
    # authorization: Bearer xyz
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE), r"\1 (secret)"),
    # password=xyz, "token": "xyz"
    (
        re.compile(
            r"((?:password|passwd|secret|token|api[_-]?key)[\"']?\s*[=:]\s*[\"']?)[^\s\"',;&)]+",
            re.IGNORECASE,
        ),
        r"\1(secret)",
    ),
    # a JWT
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?"), "(token)"),
    # a token of our key ring: a key's letter and base32, see key_ring
    (re.compile(r"\b[a-z0-9][a-z2-7]{38,}\b", re.IGNORECASE), "(token)"),
    # a mailbox, in any script; the domain may lack a dot
    (re.compile(r"[^\s<>\"'(),:;@\[\]]+@[\w-]+(?:\.[\w-]+)*"), "(address)"),
    # +7 916 123-45-67: a plus and 10 to 15 digits
    (re.compile(r"(?<![\w+])\+\d(?:[ ().-]{0,2}\d){9,14}(?!\w)"), "(phone)"),
    # 8 (916) 123-45-67, 8-916-123-45-67, 89161234567
    (
        re.compile(
            r"(?<![\w.-])[78][ -]?(?:\(\d{3,4}\)|\d{3})[ -]?\d{3}[ -]?\d{2}[ -]?\d{2}(?![\w-])",
        ),
        "(phone)",
    ),
    # (916) 123-45-67
    (re.compile(r"\(\d{3}\) ?\d{3}-\d{2}-?\d{2}(?!\w)"), "(phone)"),
)
_CARD = re.compile(r"(?<![\w-])(?:\d{4}[ -]?){3}\d{4}(?![\w-])")
# A line without any of these cannot match any rule: most lines.
_SUSPICIOUS = re.compile(
    r"[@+()]|://|\beyJ|\d{4}[ -]?\d{4}|\d{3}[ -]\d{3}|[78]\d{10}|[a-z2-7]{38}"
    r"|bearer|basic|passw|secret|token|key",
    re.IGNORECASE,
)

# What a record has anyway; everything else was given as `extra`.
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def redact(text: str) -> str:
    """Blank whatever looks like personal data or a secret."""
    if not _SUSPICIOUS.search(text):
        return text
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return _CARD.sub(_without_card, text)


class JsonFormatter(logging.Formatter):
    """Write a record as one line of JSON."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": redact(_message(record)),
        }
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            line["trace_id"] = f"{context.trace_id:032x}"
            line["span_id"] = f"{context.span_id:016x}"
        for name, value in record.__dict__.items():
            if name not in _STANDARD:
                line[name] = shown(value)
        if record.exc_info:
            line["error"] = redact("".join(traceback.format_exception(*record.exc_info)))
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(settings: "Settings", stream: TextIO | None = None) -> None:
    """Send every log of this process, also those of libraries, to standard output as JSON."""
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonFormatter(settings.service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    # Libraries tell of every step; what matters of it the runtime says itself.
    for name in ("alembic", "nats", "uvicorn", "grpc", "sqlalchemy", "asyncio", "opentelemetry"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)


def shown(value: object) -> object:
    """Give a value as it may be written down."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, bool | int | float | None):
        return value
    if isinstance(value, Mapping):
        return {str(name): shown(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [shown(part) for part in value]
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    return redact(str(_public(value)))


def _message(record: logging.LogRecord) -> str:
    """Fill the record's message in, protobuf messages without what is personal."""
    args = record.args
    if isinstance(args, tuple):
        record.args = tuple(_public(arg) for arg in args)
    elif isinstance(args, Mapping):
        record.args = {name: _public(arg) for name, arg in args.items()}
    return record.getMessage()


def _public(value: object) -> object:
    if not hasattr(value, "DESCRIPTOR"):
        return value
    from google.protobuf.message import Message  # noqa: PLC0415 - most processes never log one

    from otklik_runtime import personal  # noqa: PLC0415 - the same

    return personal.redacted(value) if isinstance(value, Message) else value


def _without_card(match: re.Match[str]) -> str:
    """Blank a number of 16 digits that passes the check of card numbers (Luhn)."""
    digits = [int(character) for character in match[0] if character.isdigit()]
    doubled = [divmod(2 * digit, 10) for digit in digits[-2::-2]]
    total = sum(digits[-1::-2]) + sum(tens + ones for tens, ones in doubled)
    return "(card)" if total % 10 == 0 else match[0]
