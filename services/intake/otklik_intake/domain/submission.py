"""A message that came by form or API: its fields come apart and are checked, not parsed."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from otklik_intake.domain.addresses import is_address
from otklik_intake.domain.errors import FormIncomplete

MEDIA_TYPE: Final = "application/vnd.otklik.submission+json"
MAX_NAME: Final = 200
MAX_SUBJECT: Final = 500
MAX_TEXT: Final = 100_000
_SERVICE = re.compile(r"services/[a-z][a-z0-9-]{1,62}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """What somebody filled in, or a partner handed in. Empty means not said."""

    sender_address: str
    sender_name: str = ""
    subject: str
    text: str
    locale: str = ""
    service: str = ""
    conversation_id: str = ""

    def original(self) -> bytes:
        """Return the bytes that are kept as the original; the same for the same content."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True).encode()

    @classmethod
    def from_original(cls, original: bytes) -> "Submission":
        """Read what `original` wrote."""
        return cls(**json.loads(original))


def checked(submission: Submission, names: Mapping[str, str]) -> Submission:
    """Return the submission with its fields trimmed.

    Args:
        submission: What came.
        names: What the door calls a field, where it does not call it as we do.

    Raises:
        FormIncomplete: naming every field that is missing or cannot be used.
    """
    tidy = Submission(
        sender_address=submission.sender_address.strip().lower(),
        sender_name=submission.sender_name.strip(),
        subject=submission.subject.strip(),
        text=submission.text.replace("\r\n", "\n").replace("\x00", "").strip(),
        locale=submission.locale.strip(),
        service=submission.service.strip(),
        conversation_id=submission.conversation_id.strip(),
    )
    violations = {
        names.get(name, name): reason
        for name, reason in (
            ("sender_name", _line(tidy.sender_name, limit=MAX_NAME, required=False)),
            ("sender_address", _address(tidy.sender_address)),
            ("subject", _line(tidy.subject, limit=MAX_SUBJECT, required=True)),
            ("text", _length(tidy.text, limit=MAX_TEXT, required=True)),
            ("service", _choice(valid=not tidy.service or _is_service(tidy.service))),
            ("locale", _choice(valid=tidy.locale in {"", "ru", "en"})),
        )
        if reason
    }
    if violations:
        raise FormIncomplete(violations)
    return tidy


def digest(submission: Submission, files: tuple[bytes, ...] = ()) -> bytes:
    """Return what tells two contents under one request id apart."""
    whole = hashlib.sha256(submission.original())
    for file_digest in files:
        whole.update(file_digest)
    return whole.digest()


def _is_service(name: str) -> bool:
    return _SERVICE.fullmatch(name) is not None


def _address(text: str) -> str:
    if not text:
        return "required"
    return "" if is_address(text) else "not_an_address"


def _line(text: str, *, limit: int, required: bool) -> str:
    return _length(text, limit=limit, required=required) or (
        "control_characters" if _CONTROL.search(text) else ""
    )


def _length(text: str, *, limit: int, required: bool) -> str:
    if required and not text:
        return "required"
    return "too_long" if len(text) > limit else ""


def _choice(*, valid: bool) -> str:
    return "" if valid else "unknown"
