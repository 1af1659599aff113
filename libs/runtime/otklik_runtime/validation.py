"""Messages checked against the rules of their contract (protovalidate)."""

from typing import Any

import protovalidate
from google.protobuf.message import Message

from otklik_runtime.errors import InvalidInput

_MAX_VIOLATIONS = 20


def validate(request: Message) -> None:
    """Check a message against the rules of its contract.

    Raises:
        InvalidInput: `request_invalid`, with the path of every field at fault.
    """
    found = protovalidate.collect_violations(request)
    if not found:
        return
    violations = [(_path(one), str(one.proto.message)) for one in found[:_MAX_VIOLATIONS]]
    first = violations[0]
    raise InvalidInput(
        "request_invalid",
        f"{first[0] or 'the request'} {first[1]}: correct it and send the request again",
        violations=violations,
    )


def _path(violation: Any) -> str:
    """Write where it is as a person would: `items[2].name`."""
    field = violation.proto.field
    if field is None:
        return ""
    parts = []
    for element in field.elements:
        subscript = element.subscript
        place = "" if subscript is None else f"[{subscript.value}]"
        parts.append(f"{element.field_name}{place}")
    return ".".join(parts)
