"""Identifiers: UUIDv7 for what is new, a stable UUID for what must be the same on every retry.

The standard library knows version 7 only from Python 3.14 on, so these are our own few lines.
"""

import hashlib
import json
import os
import threading
import time
import uuid

_NAMESPACE = uuid.UUID("6f746b6c-696b-5000-8000-000000000000")
_SEQUENCE_BITS = 12
_NEITHER_VERSION_NOR_VARIANT = ~(0xF << 76 | 0b11 << 62)


class _Sequence:
    """Give every identifier of this process a greater time stamp than the one before.

    The 12 bits below the millisecond count within it, so that identifiers made in one transaction
    sort in the order in which they were made.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def following(self) -> int:
        """Take the next stamp: milliseconds since 1970 and the count within them."""
        now = (time.time_ns() // 1_000_000) << _SEQUENCE_BITS
        with self._lock:
            self._last = max(now, self._last + 1)
            return self._last


_SEQUENCE = _Sequence()


def new_id() -> str:
    """Make an identifier that nobody else has; later ones of this process sort after it."""
    stamp = _SEQUENCE.following()
    milliseconds, count = stamp >> _SEQUENCE_BITS, stamp & ((1 << _SEQUENCE_BITS) - 1)
    rest = int.from_bytes(os.urandom(8)) & ((1 << 62) - 1)
    return _written(milliseconds << 80 | 0x7 << 76 | count << 64 | 0b10 << 62 | rest)


def stable_id(*parts: str) -> str:
    """Derive the identifier that these parts always have, on every retry and in every process."""
    # JSON keeps ("a", "bc") and ("ab", "c") apart, whatever characters the parts hold.
    name = json.dumps(parts, ensure_ascii=False).encode()
    digest = hashlib.sha1(_NAMESPACE.bytes + name, usedforsecurity=False).digest()
    value = int.from_bytes(digest[:16]) & _NEITHER_VERSION_NOR_VARIANT
    return _written(value | 0x5 << 76 | 0b10 << 62)


def _written(value: int) -> str:
    """Write a UUID. Without uuid.UUID, which costs more than all the rest of making one."""
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_id(text: str) -> bool:
    """Tell whether this is an identifier as we write them: a UUID in lower case with hyphens."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
