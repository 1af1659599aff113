"""One service's own database: transactions that carry their events with them.

A handler's rows, its events and its inbox marks go in ONE transaction. `Transaction.record`
buffers an event;
leaving the transaction writes all of them with two statements: the heads of their aggregates
(which locks each
aggregate and gives the next version) and the event rows, whose `position` is therefore assigned
under that lock.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg
import sqlalchemy
import sqlalchemy.exc
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from otklik_runtime import deadlines, envelope, failpoints, ids, personal, story
from otklik_runtime.errors import Conflict, InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from contextlib import AsyncExitStack
    from datetime import datetime

    from google.protobuf.message import Message
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from otklik_runtime.clock import Clock

BEFORE_COMMIT = failpoints.register("transaction.before_commit")
AFTER_COMMIT = failpoints.register("transaction.after_commit")

MAX_EVENT_BYTES = 256 * 1024
"""No event is larger; longer text stays with its owner and is referenced."""

HISTORY_LOCK = 0x07_71_1C
"""Advisory lock: writers of events hold it shared, whoever needs a settled end of the history
takes it alone."""

_HEADS = """
    with before as (select aggregate_id, traceparent from heads where aggregate_id =
    any($1::uuid[]))
    insert into heads as h (aggregate_id, version, traceparent, traced_at)
    select f.aggregate_id, f.count, nullif(f.traceparent, ''), $4::timestamptz
      from unnest($1::uuid[], $2::bigint[], $3::text[]) as f (aggregate_id, count, traceparent),
           (select pg_advisory_xact_lock_shared($5::bigint)) as history
     order by f.aggregate_id
    on conflict (aggregate_id) do update set
      version = h.version + excluded.version,
      traceparent = case when h.traceparent is null
                           or h.traced_at < excluded.traced_at - $6::interval
                         then coalesce(excluded.traceparent, h.traceparent)
                         else h.traceparent end,
      traced_at = case when h.traceparent is null or excluded.traceparent is not null
                         and h.traced_at < excluded.traced_at - $6::interval
                       then excluded.traced_at else h.traced_at end
    returning h.aggregate_id::text, h.version, coalesce(h.traceparent, ''),
      coalesce((select b.traceparent from before b where b.aggregate_id = h.aggregate_id), '')
"""

_EVENTS = """
    insert into events (id, type, aggregate_id, version, subject, payload, occurred_at,
    recorded_at, actor, cause_id,
                        traceparent, personal_digest, personal_salt, audit_hash)
    select id, type, aggregate_id, version, subject, payload, occurred_at, $13::timestamptz, actor,
           nullif(cause_id, '')::uuid, nullif(traceparent, ''), personal_digest, personal_salt,
           audit_hash
      from unnest($1::uuid[], $2::text[], $3::uuid[], $4::bigint[], $5::text[], $6::bytea[],
      $7::timestamptz[],
                  $8::text[], $9::text[], $10::text[], $11::bytea[], $12::bytea[], $14::bytea[])
           with ordinality as f (id, type, aggregate_id, version, subject, payload, occurred_at,
           actor, cause_id,
                                 traceparent, personal_digest, personal_salt, audit_hash, place)
     order by place
"""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Fact:
    message: Message
    aggregate_id: str
    occurred_at: datetime
    actor: str
    cause: str
    traceparent: str


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
        self._facts: list[_Fact] = []
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
            _Fact(
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
        heads = await self._heads(facts)
        rows = [self._row(fact, heads) for fact in facts]
        columns = [list(column) for column in zip(*rows, strict=True)]
        await self.connection.exec_driver_sql(_EVENTS, (*columns[:12], self.now, columns[12]))

    def settle(self) -> bool:
        """Run what waits for the commit; say whether events were written."""
        for action in self._after_commit:
            action()
        return self._said_something

    async def _heads(self, facts: Sequence[_Fact]) -> dict[str, story.Head]:
        counts = Counter(fact.aggregate_id for fact in facts)
        aggregates = sorted(counts)
        contexts = {fact.aggregate_id: self._context(fact) for fact in reversed(facts)}
        found = await self.connection.exec_driver_sql(
            _HEADS,
            (
                aggregates,
                [counts[one] for one in aggregates],
                [contexts[one] for one in aggregates],
                self.now,
                HISTORY_LOCK,
                story.LENGTH,
            ),
        )
        return {
            aggregate: story.Head(
                version=version - counts[aggregate], traceparent=traceparent, before=before
            )
            for aggregate, version, traceparent, before in map(tuple, found)
        }

    def _context(self, fact: _Fact) -> str:
        cause = self._causes.get(fact.cause) or self._causes.get(fact.aggregate_id)
        return fact.traceparent or (cause.traceparent if cause else "") or story.current()

    def _row(self, fact: _Fact, heads: dict[str, story.Head]) -> tuple[Any, ...]:
        head = heads[fact.aggregate_id]
        head.version += 1
        type_name = fact.message.DESCRIPTOR.full_name
        event_id = ids.new_id()
        cause = self._causes.get(fact.cause) or self._causes.get(fact.aggregate_id)
        cause_id = fact.cause or (cause.event_id if cause else "")
        facts = personal.facts_of(
            event_id=event_id,
            type_name=type_name,
            aggregate_id=fact.aggregate_id,
            version=head.version,
            occurred_at=fact.occurred_at,
            recorded_at=self.now,
            actor=fact.actor,
            cause_id=cause_id,
        )
        proof = personal.fingerprint(fact.message, facts)
        return (
            event_id,
            type_name,
            fact.aggregate_id,
            head.version,
            f"{envelope.subject_prefix(type_name)}.{fact.aggregate_id}",
            fact.message.SerializeToString(deterministic=True),
            fact.occurred_at,
            fact.actor,
            cause_id,
            story.of_fact(head, self._context(fact), started_ns=self._started_ns),
            proof.digest,
            proof.salt,
            proof.audit_hash,
        )


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
