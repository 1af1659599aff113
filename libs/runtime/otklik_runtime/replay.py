"""A mutating call that is repeated gives the earlier answer, and changes nothing again (AIP-155).

The first statement in the transaction of every mutating method::

    once = await replay.begin(tx, request)
    if once.earlier is not None:
        return Response.FromString(once.earlier)
    ...
    await once.remember(tx, response)

Repeats are known by method, caller and `request_id`. The row is written in the transaction of the
change: two at the same time wait for each other, and what was rolled back was never asked. Answers
are forgotten after a week, with whatever personal data they held.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from otklik_runtime import auth, ids
from otklik_runtime.errors import Conflict, InvalidInput

KEPT = timedelta(days=7)
FORGOTTEN_AT_ONCE = 5000

_BEGIN = """
    insert into request_replays (method, caller, request_id, digest, created_at)
    values ($1, $2, $3::uuid, $4::bytea, $5::timestamptz)
    on conflict do nothing
    returning true
"""
_EARLIER = """
    select digest, response from request_replays
     where method = $1 and caller = $2 and request_id = $3::uuid
"""
_REMEMBER = """
    update request_replays set response = $4::bytea
     where method = $1 and caller = $2 and request_id = $3::uuid
"""
_FORGET = """
    delete from request_replays where (method, caller, request_id) in
      (select method, caller, request_id from request_replays
        where created_at < $1::timestamptz order by created_at limit $2::int)
"""

_method: ContextVar[str] = ContextVar("method", default="")


class Transaction(Protocol):
    """What is needed of the transaction of the change."""

    @property
    def connection(self) -> AsyncConnection:
        """For statements in it."""
        ...

    @property
    def now(self) -> datetime:
        """Its time."""
        ...


@dataclass(frozen=True, kw_only=True)
class Once:
    """One request: answered earlier, or to be answered now.

    Attributes:
        earlier: The bytes of the earlier answer; None when this is the first time.
    """

    earlier: bytes | None
    key: tuple[str, str, str] | None

    async def remember(self, tx: Transaction, response: Message) -> None:
        """Keep the answer for a repeat, in the transaction of the change."""
        if self.key is not None:
            answer = response.SerializeToString()
            await tx.connection.exec_driver_sql(_REMEMBER, (*self.key, answer))


@contextmanager
def in_method(name: str) -> Iterator[None]:
    """Say which method is being called; the gRPC server does."""
    token = _method.set(name)
    try:
        yield
    finally:
        _method.reset(token)


async def begin(tx: Transaction, request: Message) -> Once:
    """Find out whether this request was answered before.

    A request without `request_id` is always new.

    Raises:
        InvalidInput: `request_id_invalid`.
        Conflict: `request_id_reused`, the id came before with another content.
    """
    request_id = str(getattr(request, "request_id", ""))
    if not request_id:
        return Once(earlier=None, key=None)
    if not ids.is_id(request_id.lower()):
        raise InvalidInput(
            "request_id_invalid",
            "request_id must be a UUID: make a new one for each request and keep it for repeats",
            field="request_id",
        )
    key = (
        _method.get() or request.DESCRIPTOR.full_name,
        auth.principal().actor,
        request_id.lower(),
    )
    digest = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
    first = await tx.connection.exec_driver_sql(_BEGIN, (*key, digest, tx.now))
    if first.scalar_one_or_none():
        return Once(earlier=None, key=key)
    found = (await tx.connection.exec_driver_sql(_EARLIER, key)).one()
    if bytes(found.digest) != digest:
        raise Conflict(
            "request_id_reused",
            "this request_id came before with another content: make a new one for a new request",
            request_id=request_id,
        )
    # An answer that was not kept can only be an empty one: the change itself was committed.
    return Once(earlier=bytes(found.response or b""), key=key)


async def forget(connection: AsyncConnection, now: datetime) -> int:
    """Delete answers older than a week, some at a time, and say how many."""
    done = await connection.exec_driver_sql(_FORGET, (now - KEPT, FORGOTTEN_AT_ONCE))
    return done.rowcount
