"""One service's own database: transactions that carry their events with them.

A handler's rows, its events and its inbox marks go in ONE transaction. `Transaction.record`
buffers an event; leaving the transaction writes all of them (`recording`).
"""

from __future__ import annotations

import socket
import time
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import sqlalchemy
import sqlalchemy.event
import sqlalchemy.exc
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from otklik_runtime import deadlines, envelope, failpoints
from otklik_runtime.errors import Conflict, InvalidInput, Unavailable
from otklik_runtime.recording import MAX_EVENT_BYTES, Fact, Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from contextlib import AsyncExitStack
    from datetime import datetime

    from google.protobuf.message import Message
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from otklik_runtime import story
    from otklik_runtime.clock import Clock

BEFORE_COMMIT = failpoints.register("transaction.before_commit")
AFTER_COMMIT = failpoints.register("transaction.after_commit")

# How long the clock is carried on between two looks at it.
_LOOK_SECONDS = 10.0

_BEGIN = "select clock_timestamp(), set_config('statement_timeout', $1, true)"

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def metadata() -> sqlalchemy.MetaData:
    """Return fresh metadata for a service's tables, with the house's constraint names."""
    return sqlalchemy.MetaData(naming_convention=_NAMES)


class Transaction:
    """One open transaction of one service.

    Attributes:
        connection: For the service's own statements.
        now: The service's only idea of the time: its database's clock, read once when the
        transaction began.
    """

    def __init__(self, connection: AsyncConnection, now: datetime, service: str) -> None:
        """Wrap an open transaction; `Database.transaction` does it."""
        self.connection = connection
        self.now = now
        self._service = service
        self._facts: list[Fact] = []
        self._said_something = False
        self._after_commit: list[Callable[[], None]] = []
        self._started_ns = time.time_ns()
        self._causes: Mapping[str, story.Cause] = {}

    def record(
        self,
        message: Message,
        *,
        aggregate_id: str,
        occurred_at: datetime | None = None,
        actor: str = "",
        cause: str = "",
        traceparent: str = "",
    ) -> None:
        """Say that something happened; it is written with this transaction or not at all.

        Args:
            message: The event, one of this service's own.
            aggregate_id: The UUID its subject ends in: the conversation's, mostly.
            occurred_at: When the fact happened; now, if not given.
            actor: Who did it, `agent/{uuid}` and the like; this service by default.
            cause: The id of the incoming event it answers, where that one is of another aggregate.
            traceparent: The trace it belongs to, where neither cause nor aggregate tells.

        Raises:
            InvalidInput: `event_too_large`; no event exceeds 256 KiB.
            ValueError: it is another service's event, which this one's relay may not publish.
        """
        if envelope.owner_of(message.DESCRIPTOR.full_name) != self._service:
            text = f"{message.DESCRIPTOR.full_name} is not an event of {self._service}"
            raise ValueError(text)
        if message.ByteSize() > MAX_EVENT_BYTES:
            text = f"{message.DESCRIPTOR.full_name} exceeds {MAX_EVENT_BYTES} bytes"
            raise InvalidInput("event_too_large", text)
        self._facts.append(
            Fact(
                message=message,
                aggregate_id=aggregate_id,
                occurred_at=occurred_at or self.now,
                actor=actor or f"service/{self._service}",
                cause=cause,
                traceparent=traceparent,
            )
        )

    def on_commit(self, action: Callable[[], None]) -> None:
        """Run something small after the commit; never anything the outcome depends on."""
        self._after_commit.append(action)

    def caused_by(self, causes: Mapping[str, story.Cause]) -> None:
        """Continue the traces of incoming events, found by event id and by aggregate id."""
        self._causes = causes

    async def flush(self) -> None:
        """Write the events recorded so far. `Database.transaction` does it before it commits."""
        if not self._facts:
            return
        facts, self._facts = self._facts, []
        self._said_something = True
        recorder = Recorder(now=self.now, causes=self._causes, started_ns=self._started_ns)
        await recorder.write(self.connection, facts)

    def settle(self) -> bool:
        """Run what waits for the commit; say whether events were written."""
        for action in self._after_commit:
            action()
        return self._said_something


class Database:
    """The way to one service's own database."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        service: str,
        clock: Clock | None,
        wake: Callable[[], None] | None,
    ) -> None:
        """Use an engine; `open` makes one."""
        self._engine = engine
        self._service = service
        self._clock = clock
        self._looked: datetime | None = None
        self._looked_at = 0.0
        self.wake = wake

    @classmethod
    async def open(
        cls,
        url: str,
        stack: AsyncExitStack,
        *,
        service: str,
        clock: Clock | None = None,
        wake: Callable[[], None] | None = None,
        pool_size: int = 8,
    ) -> Database:
        """Open the pool; it connects when first used and is closed with the stack.

        Args:
            url: `postgresql://role:password@host:port/database`; a pooler may stand in between.
            stack: Closes the pool.
            service: The service's name, for application_name and as default actor.
            clock: Stands in for the database's clock in tests.
            wake: Called after each commit that wrote events.
            pool_size: Connections at most.
        """
        engine = create_async_engine(
            make_url(url).set(drivername="postgresql+asyncpg"),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_use_lifo=True,
            # An error of the driver would otherwise quote the letter it could not store.
            hide_parameters=True,
            connect_args={
                "timeout": 10,
                "server_settings": {"application_name": f"otklik-{service}"},
            },
        )
        sqlalchemy.event.listen(engine.sync_engine, "connect", _watch_link)
        stack.push_async_callback(engine.dispose)
        return cls(engine, service=service, clock=clock, wake=wake)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction; commit it with its events if the block ends well, else roll it back.

        Raises:
            Unavailable: `database_unavailable`; nothing is known to have happened.
            Conflict: `transaction_conflict`; another transaction was faster, the same one may be
            tried again.
        """
        async with self._connected() as connection, connection.begin() as begun:
            transaction = Transaction(connection, await self._begin(connection), self._service)
            yield transaction
            await transaction.flush()
            failpoints.hit(BEFORE_COMMIT)
            await begun.commit()
        failpoints.hit(AFTER_COMMIT)
        if transaction.settle() and self.wake is not None:
            self.wake()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection for queries that change nothing.

        Raises:
            Unavailable: `database_unavailable`.
        """
        async with self._connected() as connection:
            yield connection

    async def now(self) -> datetime:
        """Read the service's clock outside a transaction."""
        async with self.read() as connection:
            return await self._begin(connection)

    async def nearly_now(self) -> datetime:
        """Give the service's clock, read in the last seconds and carried on by this process's own.

        For what need not be exact, such as the age of an event: it costs no statement.
        """
        if self._clock is not None:
            return await self._clock.now()
        passed = time.monotonic() - self._looked_at
        if self._looked is None or passed > _LOOK_SECONDS:
            self._looked, self._looked_at, passed = await self.now(), time.monotonic(), 0.0
        return self._looked + timedelta(seconds=passed)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        """Take a connection; turn what the driver raises into the facts a caller can act on.

        What else the block raises is the block's own, be it a timeout or a lost socket.
        """
        driver: asyncpg.Connection[asyncpg.Record] | None = None
        try:
            async with self._engine.connect() as connection:
                driver = (await connection.get_raw_connection()).driver_connection
                try:
                    yield connection
                except asyncpg.InternalClientError as error:
                    # A cut between two statements leaves the driver in mid-answer.
                    await connection.invalidate(error)
                    raise _unavailable() from error
        except DBAPIError as error:
            known = known_error(error)
            if known is None:
                raise
            raise known from error
        except (sqlalchemy.exc.TimeoutError, OSError) as error:
            if driver is None or driver.is_closed():
                raise _unavailable() from error
            raise

    async def _begin(self, connection: AsyncConnection) -> datetime:
        timeout = str(max(1, int(deadlines.remaining(default=30.0) * 1000)))
        found = await connection.exec_driver_sql(_BEGIN, (timeout,))
        now: datetime = found.scalar_one()
        return await self._clock.now() if self._clock is not None else now


def _watch_link(connection: Any, _: object) -> None:
    """Let a statement fail within 20 s where its answer can never come: the machine is gone."""
    link = connection.driver_connection._transport.get_extra_info("socket")  # noqa: SLF001 - no other way to it
    if link is None or link.family not in (socket.AF_INET, socket.AF_INET6):
        return
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE.items():
        if hasattr(socket, option):  # not every system has them all
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


_KEEPALIVE = {
    "TCP_KEEPIDLE": 5,
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 15_000,
}
_RETRY_NOW: Sequence[str] = ("40001", "40P01")
_UNAVAILABLE: Sequence[str] = ("08", "53", "57P", "25006", "58")


def known_error(error: DBAPIError) -> Conflict | Unavailable | None:
    """Return what a driver's error means for a caller, or None if it is a bug."""
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if state in _RETRY_NOW:
        return Conflict(
            "transaction_conflict", "another change of the same rows was faster; try again"
        )
    if error.connection_invalidated or state.startswith(tuple(_UNAVAILABLE)):
        return _unavailable()
    return None


def _unavailable() -> Unavailable:
    return Unavailable(
        "database_unavailable", "the database does not answer; try again in a moment"
    )
