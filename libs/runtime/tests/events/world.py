"""A small world to tell events in: an owner, its stream, and readers, each with its own database.

The owner is `intake`, the reader `tickets`; both have the runtime's tables and one of their own.
Nothing here stands in for anything: databases and broker are the real ones.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import asyncpg
from nats.aio.client import Client

from otklik.intake.v1 import events_pb2
from otklik_runtime import envelope, ids, migrations
from otklik_runtime.bus import Bus
from otklik_runtime.database import Database, Transaction
from otklik_runtime.envelope import Incoming, Recorded
from otklik_runtime.outbox import Relay
from otklik_runtime.subscription import Subscription

OWNER, READER = "intake", "tickets"
STREAM, DURABLE = envelope.stream_of(OWNER), envelope.durable_of(READER, OWNER)
SECOND = 1_000_000_000
REFUSED = events_pb2.MessageRefused.DESCRIPTOR.full_name

OWN_TABLES = """
    create table things (id uuid not null, note text, unique (id) deferrable initially deferred);
    create table applied (place bigint generated always as identity, event_id uuid not null,
      aggregate_id uuid not null, version bigint not null, reason text not null)
"""


class Part(Protocol):
    """What runs until it is drained."""

    async def run(self) -> None: ...

    async def drain(self) -> None: ...


@asynccontextmanager
async def running(part: Part) -> AsyncIterator[None]:
    """Let a part run beside the block; what it raises, the block raises."""
    task = asyncio.create_task(part.run())
    try:
        yield
    finally:
        await part.drain()
        await asyncio.wait_for(task, 30)


async def kill(part: Part, task: "asyncio.Task[None]") -> None:
    """End a part without letting it finish anything."""
    task.cancel()
    await asyncio.wait({task})


async def eventually(
    condition: Callable[[], Awaitable[Any]], *, seconds: float = 30, every: float = 0.03
) -> Any:
    """Wait until something is so, and give what the condition gave."""
    async with asyncio.timeout(seconds):
        while not (found := await condition()):  # noqa: ASYNC110 - in another process
            await asyncio.sleep(every)
        return found


async def until_blocked(url: str) -> None:
    """Wait until somebody in a database waits for somebody else's lock."""
    name = url.rpartition("/")[2]
    waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = $1"
    await eventually(lambda: fetch(url, waiting, name), seconds=5)


async def prepare(url: str) -> str:
    """Make the tables that the runtime and this world need."""

    class Statements(list[str]):
        execute = list.append

    statements = Statements()
    migrations.runtime_tables(statements)
    connection = await asyncpg.connect(url)
    await connection.execute(";".join([*statements, OWN_TABLES]))
    await connection.close()
    return url


async def emptied(url: str) -> str:
    """Empty a prepared database, whatever a test left behind in it."""
    connection = await asyncpg.connect(url)
    await connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid();"
        "truncate events, heads, inbox, seen_versions, dead_letters, request_replays, things,"
        " applied restart identity"
    )
    await connection.close()
    return url


def refused(aggregate_id: str, reason: str = "because") -> events_pb2.MessageRefused:
    """Make a small event."""
    return events_pb2.MessageRefused(
        item_id=ids.new_id(), conversation_id=aggregate_id, reason=reason
    )


def received(aggregate_id: str, text: str = "Помогите") -> events_pb2.MessageReceived:
    """Make an event full of personal data."""
    message = events_pb2.MessageReceived(
        item_id=ids.new_id(),
        conversation_id=aggregate_id,
        channel="CHANNEL_EMAIL",
        sender_address="anna@example.org",
        sender_name="Анна",
        subject="Не работает",
        text=text,
        locale="ru",
    )
    message.receive_time.FromJsonString("2026-03-01T10:00:00Z")
    message.reply_route.account = "channelAccounts/main"
    return message


@dataclass(frozen=True, kw_only=True)
class Note:
    """What the reader's handler is asked to do."""

    event_id: str
    aggregate_id: str
    version: int
    reason: str


def to_note(event: Incoming) -> Note:
    return Note(
        event_id=event.event_id,
        aggregate_id=event.aggregate_id,
        version=event.version,
        reason=event.message.reason,
    )


@dataclass
class Reader:
    """A reading service: writes down what it applies, in order, and how it was handed over."""

    database: Database
    url: str
    subscription: Subscription = None
    batches: list[list[Note]] = field(default_factory=list)
    attempt: Callable[[Transaction, Sequence[Note]], Awaitable[None]] | None = None

    async def handle(self, tx: Transaction, notes: Sequence[Note]) -> None:
        self.batches.append(list(notes))
        for note in notes:
            await tx.connection.exec_driver_sql(
                "insert into applied (event_id, aggregate_id, version, reason)"
                " values ($1::uuid, $2::uuid, $3, $4)",
                (note.event_id, note.aggregate_id, note.version, note.reason),
            )
        if self.attempt is not None:
            await self.attempt(tx, notes)

    async def applied(self, aggregate_id: str = "") -> list[int]:
        """Give the versions applied, in order: of one aggregate, or of all."""
        rows = await fetch(
            self.url, "select aggregate_id::text, version from applied order by place"
        )
        return [row[1] for row in rows if not aggregate_id or row[0] == aggregate_id]

    async def has_applied(self, count: int) -> bool:
        return len(await self.applied()) >= count

    async def letters(self) -> list[asyncpg.Record]:
        return await fetch(self.url, "select * from dead_letters order by id")


@dataclass
class Peephole:
    """A connection kept open to look at one database from outside, again and again."""

    url: str
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    connection: asyncpg.Connection | None = None

    async def fetch(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        async with self.lock:
            if self.connection is None or self.connection.is_closed():
                self.connection = await asyncpg.connect(self.url)
            found: list[asyncpg.Record] = await self.connection.fetch(statement, *values)
            return found


PEEPHOLES: dict[str, Peephole] = {}
"""Of the running test; `close_peepholes` ends them with it."""


async def fetch(url: str, statement: str, *values: Any) -> list[asyncpg.Record]:
    """Look into a database from outside."""
    return await PEEPHOLES.setdefault(url, Peephole(url)).fetch(statement, *values)


async def close_peepholes() -> None:
    """Look no more."""
    for peephole in PEEPHOLES.values():
        if peephole.connection is not None:
            peephole.connection.terminate()
    PEEPHOLES.clear()


@dataclass
class World:
    """One owner with its stream; readers and relays by call."""

    stack: AsyncExitStack
    nats_url: str
    client: Client
    make_url: Callable[[], Awaitable[str]]
    owner_url: str = ""
    owner: Database = None
    _buses: list[Bus] = field(default_factory=list)

    async def bus(self, user: str) -> Bus:
        return await Bus.open(self.nats_url, self.stack, user=user, password="")

    async def open_owner(self, url: str = "", **options: Any) -> Database:
        self.owner_url = url or await self.make_url()
        self.owner = await Database.open(self.owner_url, self.stack, service=OWNER, **options)
        return self.owner

    async def relay(self, url: str = "", **options: Any) -> Relay:
        return Relay(await self.bus(OWNER), url or self.owner_url, service=OWNER, **options)

    async def reader(self, url: str = "", clock: Any = None, **options: Any) -> Reader:
        url = url or await self.make_url()
        database = await Database.open(url, self.stack, service=READER, clock=clock)
        reader = Reader(database=database, url=url)
        reader.subscription = Subscription(
            bus=await self.bus(READER),
            database=database,
            reader=READER,
            owner=OWNER,
            translate=options.pop("translate", {events_pb2.MessageRefused: to_note}),
            handle=reader.handle,
            **options,
        )
        return reader

    async def say(self, *aggregates: str, reason: str = "because") -> None:
        """Let the owner say one small event of each aggregate, in one transaction."""
        async with self.owner.transaction() as tx:
            for aggregate in aggregates:
                tx.record(refused(aggregate, reason), aggregate_id=aggregate)

    async def rows(self) -> list[asyncpg.Record]:
        return await fetch(self.owner_url, "select * from events order by position")

    async def all_published(self) -> bool:
        return bool(
            await fetch(
                self.owner_url,
                "select 1 where not exists (select 1 from events where stream_sequence is null)",
            )
        )

    async def ask(self, subject: str, **request: Any) -> dict[str, Any]:
        payload = json.dumps(request).encode() if request else b""
        answer = json.loads((await self.client.request(subject, payload, timeout=5)).data)
        if "error" in answer:
            raise LookupError(f"{subject}: {answer['error']}")
        return dict(answer)

    async def make_stream(self, **changes: Any) -> None:
        config = {
            "name": STREAM,
            "subjects": [f"otklik.{OWNER}.v1.>"],
            "storage": "file",
            "max_age": 14 * 24 * 3600 * SECOND,
            "max_msg_size": 272 * 1024,
            "duplicate_window": 600 * SECOND,
            "allow_atomic": True,
        }
        await self.ask(f"$JS.API.STREAM.CREATE.{STREAM}", **config | changes)

    async def make_durable(self, **changes: Any) -> None:
        config = {
            "durable_name": DURABLE,
            "deliver_policy": "all",
            "ack_policy": "explicit",
            "ack_wait": 60 * SECOND,
            "max_deliver": -1,
            "max_ack_pending": 1000,
        }
        subject = f"$JS.API.CONSUMER.CREATE.{STREAM}.{DURABLE}"
        await self.ask(subject, stream_name=STREAM, config=config | changes)

    async def delete_stream(self) -> None:
        await self.ask(f"$JS.API.STREAM.DELETE.{STREAM}")

    async def info(self) -> dict[str, Any]:
        return await self.ask(f"$JS.API.STREAM.INFO.{STREAM}")

    async def unanswered(self) -> int:
        """Count the messages that the durable has not had answered for good."""
        info = await self.ask(f"$JS.API.CONSUMER.INFO.{STREAM}.{DURABLE}")
        return int(info["num_pending"]) + int(info["num_ack_pending"])

    async def deliver_and_lose(self, times: int, *, for_seconds: float | None = None) -> None:
        """Deliver all that waits and lose it, so many times, as a reader that crashes does.

        Args:
            times: How often.
            for_seconds: After how long it comes again each time.
        """
        pull = await self.client.jetstream().pull_subscribe_bind(consumer=DURABLE, stream=STREAM)
        for _ in range(times):
            for raw in await pull.fetch(100, timeout=5):
                await raw.nak(delay=for_seconds)
        await pull.unsubscribe()

    async def settled(self) -> bool:
        return not await self.unanswered()

    async def published(self) -> list[Any]:
        """Read every message of the stream."""
        stream = self.client.jetstream()
        state = (await self.info())["state"]
        return [
            await stream.get_msg(STREAM, seq=sequence)
            for sequence in range(state["first_seq"], state["last_seq"] + 1)
        ]

    async def publish(self, *events: Recorded, **headers: str | None) -> None:
        """Put events into the stream as a relay would, with other headers where given."""
        for event in events:
            whole = envelope.headers_of(event, OWNER) | {
                name.replace("_", "-"): value for name, value in headers.items()
            }
            whole = {name: value for name, value in whole.items() if value is not None}
            await self.client.jetstream().publish(event.subject, event.payload, headers=whole)


def an_event(
    aggregate_id: str,
    version: int,
    *,
    event_id: str = "",
    payload: bytes | None = None,
    recorded_at: datetime,
    type_name: str = REFUSED,
    traceparent: str = "",
) -> Recorded:
    """Make an event as its owner would have recorded it."""
    message = refused(aggregate_id, f"version {version}")
    return Recorded(
        position=version,
        event_id=event_id or ids.new_id(),
        type=type_name,
        aggregate_id=aggregate_id,
        version=version,
        subject=f"{envelope.subject_prefix(type_name)}.{aggregate_id}",
        payload=message.SerializeToString() if payload is None else payload,
        occurred_at=recorded_at - timedelta(seconds=1),
        recorded_at=recorded_at,
        actor=f"service/{OWNER}",
        cause_id="",
        traceparent=traceparent,
    )
