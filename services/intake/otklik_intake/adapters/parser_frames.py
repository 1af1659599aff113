"""What the two sides of the parser's pipe say: one JSON line each, with bytes behind it."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from otklik_intake.domain.addresses import Mailbox
from otklik_intake.domain.letter import Content, File, Letter, Unreadable
from otklik_intake.domain.submission import Submission

MAX_LINE = 64 * 1024 * 1024


def request(original: bytes, media_type: str) -> bytes:
    """Ask for one original to be read."""
    line = json.dumps({"media_type": media_type, "size": len(original)})
    return line.encode() + b"\n" + original


def answer(content: Content) -> Iterator[bytes]:
    """Write what was read, piece by piece."""
    document, blobs = _document(content)
    document["sizes"] = [len(blob) for blob in blobs]
    yield json.dumps(document, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    yield from blobs


def content_of(document: dict[str, Any], blobs: list[bytes]) -> Content:
    """Read what `answer` wrote."""
    kind = document["kind"]
    if kind == "unreadable":
        return Unreadable(reason=document["reason"])
    if kind == "submission":
        return Submission(**document["submission"])
    fields = dict(document["letter"])
    for name in ("senders", "to", "cc"):
        fields[name] = tuple(Mailbox(**one) for one in fields[name])
    for name in ("in_reply_to", "references"):
        fields[name] = tuple(fields[name])
    fields["headers"] = {
        name: tuple(value.encode("latin-1") for value in values)
        for name, values in fields["headers"].items()
    }
    fields["files"] = tuple(
        File(**file, content=blob) for file, blob in zip(document["files"], blobs, strict=True)
    )
    return Letter(**fields)


def _document(content: Content) -> tuple[dict[str, Any], list[bytes]]:
    if isinstance(content, Unreadable):
        return {"kind": "unreadable", "reason": content.reason}, []
    if isinstance(content, Submission):
        return {"kind": "submission", "submission": asdict(content)}, []
    letter = {
        "headers": {
            name: [value.decode("latin-1") for value in values]
            for name, values in content.headers.items()
        },
        **{
            name: [asdict(one) for one in getattr(content, name)]
            for name in ("senders", "to", "cc")
        },
        **{
            name: getattr(content, name)
            for name in (
                "subject", "message_id", "in_reply_to", "references", "date", "text", "html",
            )
        },
    }  # fmt: skip
    files = [
        {
            "filename": file.filename,
            "content_type": file.content_type,
            "content_id": file.content_id,
        }
        for file in content.files
    ]
    return {"kind": "letter", "letter": letter, "files": files}, [
        file.content for file in content.files
    ]
