"""The relay: takes a service's events from its database to its stream, in order, for ever.

One relay per service publishes, the holder of an advisory lock on a direct connection. Events go
in atomic batches;
where a batch is refused they go singly, in order. The broker may forget: when its stream is a new
one, or shorter than
what was published, the relay publishes again what is missing.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError

from otklik_runtime import dead_letters, envelope, failpoints, telemetry
from otklik_runtime.dead_letters import OUTBOX, DeadLetter
from otklik_runtime.envelope import Recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nats.aio.client import Client

    from otklik_runtime.bus import Bus

BEFORE_PUBLISH = failpoints.register("relay.before_publish")
AFTER_PUBLISH = failpoints.register("relay.after_publish")
AFTER_MARK = failpoints.register("relay.after_mark")

POLL_SECONDS = 0.2
BATCH_MESSAGES = 500
BATCH_BYTES = 4 * 1024 * 1024
REPUBLISH_HORIZON = timedelta(days=21)
"""Events older than this are never published again; readers refuse them a week later."""
CHECK_SECONDS = 2.0

_RELAY_LOCK = 0x07_71_1E
_STANDBY_SECONDS = 1.0
_REQUEST_SECONDS = 5.0
_WINDOW = 100
_RESET_ROWS = 10_000

# The broker's error codes for a message it will never take, however often it is offered.
_NEVER = {10054, 10175}

_UNPUBLISHED = """
    select position, id::text, type, aggregate_id::text, version, subject, payload, occurred_at,
    recorded_at, actor,
           coalesce(cause_id::text, ''), coalesce(traceparent, '')
      from events where stream_sequence is null order by position limit $1
"""

_PUBLISHED = """
    update events as e set stream_sequence = f.sequence, stream_created = $3
      from unnest($1::bigint[], $2::bigint[]) as f (position, sequence)
     where e.position = f.position
"""

# Index scans on both sides: an inequality alone would read the whole history.
_ELSEWHERE = """
    select exists (select 1 from events where stream_sequence > 0 and stream_created < $1)
        or exists (select 1 from events where stream_sequence > 0 and stream_created > $1)
        or exists (select 1 from events where stream_sequence > 0 and stream_created = $1 and
        stream_sequence > $2)
"""

_FORGOTTEN = """
    with lost as (
      select position, recorded_at >= $3 as again from events
       where stream_sequence > 0 and (stream_created < $1 or stream_created > $1 or stream_sequence
       > $2)
       limit $4)
    update events as e set stream_sequence = case when lost.again then null else 0 end,
    stream_created = null
      from lost where e.position = lost.position
"""

_DEAD = "update events set stream_sequence = 0, stream_created = null where position = $1"

_LOG = logging.getLogger(__name__)


class _Refused(Exception):
    """The broker answered a publish with an error."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"{code} {description}")
        self.code = code


@dataclass(frozen=True, kw_only=True)
class _Stream:
    """The incarnation of the stream that is published to."""

    created: datetime
    last_sequence: int


class Relay:
    """Publishes one service's events: each replica runs one, the lock's holder works."""

    def __init__(self, bus: Bus, direct_url: str, *, service: str) -> None:
        """Describe the relay.

        Args:
            bus: The connection to NATS.
            direct_url: A connection to the database that no pooler shares: the lock lives on it.
            service: The owner of the events.
        """
        self.name = "relay"
        self._bus = bus
        self._url = direct_url
        self._service = service
        self._stream_name = envelope.stream_of(service)
        self._woken = asyncio.Event()
        self._draining = False
        self._missing: str | None = "has not begun to publish"

    def ready(self) -> str | None:
        """Return None while events can leave or another relay works; else what is missing."""
        return self._missing

    async def drain(self) -> None:
        """Publish what is there and stop."""
        self._draining = True
        self._woken.set()

    async def run(self) -> None:
        """Relay until drained, whatever database and broker do."""
        while not self._draining:
            try:
                await self._hold()
            except (
                TimeoutError,
                NatsError,
                OSError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
            ) as error:
                telemetry.count("otklik.relay.interruptions")
                _LOG.warning(
                    "relaying interrupted", extra={"error": f"{type(error).__name__}: {error}"}
                )
                await asyncio.sleep(0.5)

    async def _hold(self) -> None:
        connection = await asyncpg.connect(
            self._url,
            timeout=10,
            command_timeout=15,
            server_settings={
                "application_name": f"otklik-{self._service}-relay",
                "tcp_keepalives_idle": "5",
                "tcp_keepalives_interval": "5",
                "tcp_keepalives_count": "3",
                "tcp_user_timeout": "15000",
                "idle_in_transaction_session_timeout": "15000",
            },
        )
        try:
            while not await connection.fetchval("select pg_try_advisory_lock($1)", _RELAY_LOCK):
                self._missing = None
                if self._draining:
                    return
                await asyncio.sleep(_STANDBY_SECONDS)
            await self._publish_for_ever(connection)
        finally:
            with suppress(
                OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncio.TimeoutError
            ):
                await asyncio.shield(asyncio.wait_for(connection.close(), 2))
            connection.terminate()

    async def _publish_for_ever(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        client = await self._bus.client()
        wake = await client.subscribe(f"otklik.wake.{self._service}", cb=self._on_wake)
        singly = True
        checked = 0.0
        loop = asyncio.get_running_loop()
        stream: _Stream | None = None
        try:
            while True:
                if stream is None or loop.time() - checked > CHECK_SECONDS:
                    stream = await self._check(client, connection)
                    checked = loop.time()
                self._woken.clear()
                rows = await self._unpublished(connection)
                telemetry.gauge("otklik.outbox.oldest_age", await self._age(connection, rows))
                if not rows:
                    singly = False
                    if self._draining:
                        return
                    with suppress(asyncio.TimeoutError):
                        await asyncio.wait_for(self._woken.wait(), POLL_SECONDS)
                    continue
                failpoints.hit(BEFORE_PUBLISH)
                sequences, dead = await self._publish(client, rows, singly=singly)
                failpoints.hit(AFTER_PUBLISH)
                await self._mark(connection, rows, sequences, dead, stream)
                failpoints.hit(AFTER_MARK)
                if len(sequences) + len(dead) < len(rows):
                    stream, singly = None, True
                    await asyncio.sleep(0.2)
        finally:
            with suppress(NatsError, OSError):
                await wake.unsubscribe()

    async def _on_wake(self, _: object) -> None:
        self._woken.set()

    async def _age(
        self, connection: asyncpg.Connection[asyncpg.Record], rows: Sequence[Recorded]
    ) -> float:
        if not rows:
            return 0.0
        now: datetime = await connection.fetchval("select clock_timestamp()")
        return (now - rows[0].recorded_at).total_seconds()

    async def _unpublished(self, connection: asyncpg.Connection[asyncpg.Record]) -> list[Recorded]:
        rows: list[Recorded] = []
        size = 0
        for found in await connection.fetch(_UNPUBLISHED, BATCH_MESSAGES):
            row = _recorded(found)
            size += len(row.payload) + 1024
            if rows and size > BATCH_BYTES:
                break
            rows.append(row)
        return rows

    async def _check(
        self, client: Client, connection: asyncpg.Connection[asyncpg.Record]
    ) -> _Stream:
        """Look at the stream; where it has forgotten events, let them be published again."""
        answer = await _request(client, f"$JS.API.STREAM.INFO.{self._stream_name}", b"")
        if "error" in answer:
            self._missing = f"stream {self._stream_name} does not exist; is otklik-provisioner up?"
            telemetry.count("otklik.relay.missing_stream")
            raise _unreachable(self._missing)
        self._missing = None
        created = envelope.instant(_micros(answer["created"]))
        stream = _Stream(created=created, last_sequence=int(answer["state"]["last_seq"]))
        if await connection.fetchval(_ELSEWHERE, stream.created, stream.last_sequence):
            await self._forget(connection, stream)
        return stream

    async def _forget(
        self, connection: asyncpg.Connection[asyncpg.Record], stream: _Stream
    ) -> None:
        now: datetime = await connection.fetchval("select clock_timestamp()")
        count = 0
        while True:
            done = await connection.execute(
                _FORGOTTEN,
                stream.created,
                stream.last_sequence,
                now - REPUBLISH_HORIZON,
                _RESET_ROWS,
            )
            changed = int(done.rpartition(" ")[2])
            count += changed
            if changed < _RESET_ROWS:
                break
        telemetry.count("otklik.relay.forgotten_events", count)
        _LOG.warning("the stream has forgotten events; publishing again", extra={"events": count})

    async def _publish(
        self, client: Client, rows: Sequence[Recorded], *, singly: bool
    ) -> tuple[dict[int, int], list[tuple[Recorded, str]]]:
        """Publish in order; return sequences by position, and what will never be taken."""
        if not singly and len(rows) > 1:
            try:
                return await self._atomically(client, rows), []
            except (_Refused, MaxPayloadError):
                telemetry.count("otklik.relay.refused_batches")
        return await self._singly(client, rows)

    async def _atomically(self, client: Client, rows: Sequence[Recorded]) -> dict[int, int]:
        batch = uuid.uuid4().hex  # noqa: TID251 - names one publish attempt, nothing kept
        for place, row in enumerate(rows, 1):
            headers = envelope.headers_of(row, self._service)
            headers["Nats-Batch-Id"], headers["Nats-Batch-Sequence"] = batch, str(place)
            if place == len(rows):
                headers["Nats-Batch-Commit"] = "1"
                answer = await client.request(
                    row.subject, row.payload, timeout=_REQUEST_SECONDS, headers=headers
                )
            else:
                await client.publish(row.subject, row.payload, headers=headers)
        acknowledged = _acknowledged(answer.data)
        if int(acknowledged.get("count", 0)) != len(rows):
            raise _Refused(0, "the batch was taken in part")
        first = int(acknowledged["seq"]) - len(rows) + 1
        return {row.position: first + place for place, row in enumerate(rows)}

    async def _singly(
        self, client: Client, rows: Sequence[Recorded]
    ) -> tuple[dict[int, int], list[tuple[Recorded, str]]]:
        sequences: dict[int, int] = {}
        dead: list[tuple[Recorded, str]] = []
        for begin in range(0, len(rows), _WINDOW):
            window = rows[begin : begin + _WINDOW]
            answers = await asyncio.gather(
                *(self._one(client, row) for row in window), return_exceptions=True
            )
            for row, answer in zip(window, answers, strict=True):
                if isinstance(answer, int):
                    sequences[row.position] = answer
                elif isinstance(answer, MaxPayloadError) or (
                    isinstance(answer, _Refused) and answer.code in _NEVER
                ):
                    dead.append((row, str(answer)))
                elif not isinstance(answer, (_Refused, NatsError, OSError, asyncio.TimeoutError)):
                    raise answer
            if len(sequences) + len(dead) < begin + len(window):
                break
        return sequences, dead

    async def _one(self, client: Client, row: Recorded) -> int:
        """Publish one event; a duplicate counts as published."""
        headers = envelope.headers_of(row, self._service)
        answer = await client.request(
            row.subject, row.payload, timeout=_REQUEST_SECONDS, headers=headers
        )
        return int(_acknowledged(answer.data)["seq"])

    async def _mark(
        self,
        connection: asyncpg.Connection[asyncpg.Record],
        rows: Sequence[Recorded],
        sequences: dict[int, int],
        dead: Sequence[tuple[Recorded, str]],
        stream: _Stream,
    ) -> None:
        positions = [row.position for row in rows if row.position in sequences]
        if positions:
            await connection.execute(
                _PUBLISHED,
                positions,
                [sequences[position] for position in positions],
                stream.created,
            )
            for row in rows:
                if row.position in sequences:
                    telemetry.count("otklik.events.published", type=row.type)
        for row, error in dead:
            await self._bury(connection, row, error)

    async def _bury(
        self, connection: asyncpg.Connection[asyncpg.Record], row: Recorded, error: str
    ) -> None:
        """Set aside an event that the broker will never take, and go on."""
        letter = DeadLetter(
            stream=OUTBOX,
            sequence=row.position,
            subject=row.subject,
            headers=envelope.headers_of(row, self._service),
            payload=row.payload,
            reason="oversize",
            error=error,
            delivery_count=1,
        )
        async with connection.transaction():
            now: datetime = await connection.fetchval("select clock_timestamp()")
            await dead_letters.bury(
                lambda statement, values: connection.execute(statement, *values),
                letter,
                now=now,
                reader=self._service,
            )
            await connection.execute(_DEAD, row.position)


def _recorded(found: asyncpg.Record) -> Recorded:
    return Recorded(
        position=found[0],
        event_id=found[1],
        type=found[2],
        aggregate_id=found[3],
        version=found[4],
        subject=found[5],
        payload=found[6],
        occurred_at=found[7],
        recorded_at=found[8],
        actor=found[9],
        cause_id=found[10],
        traceparent=found[11],
    )


async def _request(client: Client, subject: str, payload: bytes) -> dict[str, Any]:
    answer = await client.request(subject, payload, timeout=_REQUEST_SECONDS)
    found: dict[str, Any] = json.loads(answer.data)
    return found


def _acknowledged(data: bytes) -> dict[str, Any]:
    """Read a publish acknowledgement.

    Raises:
        _Refused: the broker says no.
    """
    found: dict[str, Any] = json.loads(data)
    if "error" in found:
        raise _Refused(
            int(found["error"].get("err_code", 0)), str(found["error"].get("description", ""))
        )
    return found


def _unreachable(text: str) -> OSError:
    return ConnectionError(text)


def _micros(text: str) -> str:
    """Cut an RFC 3339 instant with nanoseconds to microseconds, which is what PostgreSQL keeps."""
    whole, _, rest = text.partition(".")
    digits = rest.rstrip("Z")
    return f"{whole}.{digits[:6].ljust(6, '0')}+00:00" if rest else f"{whole.rstrip('Z')}+00:00"
