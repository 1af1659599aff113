"""How long the caller still waits, for everything that is done on the way to an answer.

The gRPC server opens a deadline for each call; the database takes its `statement_timeout` from it
and the gRPC client hands the rest of it on. Outside of a call there is no deadline.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import overload

# What is left below this is not worth beginning: the caller would be gone before the answer.
TOO_LATE_SECONDS = 0.005

_ends_at: ContextVar[float | None] = ContextVar("deadline", default=None)


@overload
def remaining() -> float | None: ...


@overload
def remaining(default: float) -> float: ...


def remaining(default: float | None = None) -> float | None:
    """Say how many seconds the caller still waits: 0 when it gave up, the default without limit."""
    ends_at = _ends_at.get()
    return default if ends_at is None else max(0.0, ends_at - time.monotonic())


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let everything inside be done within so many seconds, or within an earlier deadline."""
    ends_at = time.monotonic() + seconds
    outer = _ends_at.get()
    token = _ends_at.set(ends_at if outer is None else min(outer, ends_at))
    try:
        yield
    finally:
        _ends_at.reset(token)
