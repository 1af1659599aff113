"""The relay: takes a service's events from its database to its stream, in order, for ever.

One relay per service publishes, the holder of an advisory lock on a direct connection. The broker
may forget: when its stream is a new one, or shorter than what was published, the relay publishes
again what is missing.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

import asyncpg
from nats.errors import Error as NatsError

from otklik_runtime import dead_letters, envelope, failpoints, telemetry
from otklik_runtime.dead_letters import OUTBOX, DeadLetter
from otklik_runtime.envelope import Recorded
from otklik_runtime.publishing import REQUEST_SECONDS, Outcome, Publisher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nats.aio.client import Client

    from otklik_runtime.bus import Bus

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

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
_RESET_ROWS = 10_000

# The server lets go of the lock when the link is cut, and also when a proxy in between goes on
# answering for a relay that is no more: the holder says something every POLL_SECONDS.
_CUT = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "15000",
    "idle_session_timeout": "15000",
    "idle_in_transaction_session_timeout": "15000",
}

# Never more than a batch in memory, however long the rows are; one row always.
_UNPUBLISHED = """
    select position, id::text as event_id, type, aggregate_id::text as aggregate_id, version,
    subject, payload, occurred_at, recorded_at, actor, coalesce(cause_id::text, '') as cause_id,
    coalesce(traceparent, '') as traceparent,
    extract(epoch from clock_timestamp() - recorded_at)::float8 as age
      from (select *, sum(octet_length(payload) + 1024) over (order by position) as size,
                   row_number() over (order by position) as place
              from (select * from events where stream_sequence is null
                     order by position limit $1) as waiting) as sized
     where size <= $2 or place = 1
     order by position
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


@dataclass(kw_only=True)
class _Stream:
    """The incarnation of the stream that is published to, and how far it is known to reach."""

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
                # A connection that is cut between two statements leaves the driver in mid-answer.
                asyncpg.InternalClientError,
            ) as error:
                telemetry.count("otklik.relay.interruptions")
                _LOG.warning(
                    "relaying interrupted", extra={"error": f"{type(error).__name__}: {error}"}
                )
                await asyncio.sleep(0.5)

    async def _hold(self) -> None:
        # Without a broker the lock is of no use: whoever has one may take it.
        client = await asyncio.wait_for(self._bus.client(), _STANDBY_SECONDS)
        connection = await asyncpg.connect(
            self._url,
            timeout=10,
            command_timeout=15,
            server_settings={"application_name": f"otklik-{self._service}-relay", **_CUT},
        )
        try:
            while not await connection.fetchval("select pg_try_advisory_lock($1)", _RELAY_LOCK):
                self._missing = None
                if self._draining:
                    return
                await asyncio.sleep(_STANDBY_SECONDS)
            wake = await client.subscribe(f"otklik.wake.{self._service}", cb=self._on_wake)
            try:
                await self._publish_for_ever(connection, client)
            finally:
                with suppress(NatsError, OSError):
                    await wake.unsubscribe()
        finally:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                await asyncio.shield(asyncio.wait_for(connection.close(), 2))
            connection.terminate()

    async def _on_wake(self, _: object) -> None:
        self._woken.set()

    async def _publish_for_ever(self, connection: Connection, client: Client) -> None:
        publisher = Publisher(client, self._service)
        # Whoever held the lock before may have published what it did not mark.
        singly = True
        stream: _Stream | None = None
        checked = 0.0
        loop = asyncio.get_running_loop()
        while True:
            if stream is None or loop.time() - checked > CHECK_SECONDS:
                stream = await self._check(client, connection)
                checked = loop.time()
            self._woken.clear()
            rows, age = await _unpublished(connection)
            telemetry.gauge("otklik.outbox.oldest_age", age)
            if not rows:
                singly = False
                if self._draining:
                    return
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), POLL_SECONDS)
                continue
            failpoints.hit(BEFORE_PUBLISH)
            outcome = await publisher.publish(rows, singly=singly)
            failpoints.hit(AFTER_PUBLISH)
            if await self._is_shorter(connection, stream, outcome):
                stream, singly = None, True
                continue
            await self._mark(connection, rows, outcome, stream)
            failpoints.hit(AFTER_MARK)
            singly = not outcome.settles(rows)
            if singly:
                _LOG.warning("the broker did not take every event", extra=_why(outcome))
                stream = None
                if self._draining:
                    return
                await asyncio.sleep(POLL_SECONDS)

    async def _check(self, client: Client, connection: Connection) -> _Stream:
        """Look at the stream; where it has forgotten events, let them be published again."""
        subject = f"$JS.API.STREAM.INFO.{self._stream_name}"
        answer = json.loads((await client.request(subject, b"", timeout=REQUEST_SECONDS)).data)
        if "error" in answer:
            self._missing = f"stream {self._stream_name} does not exist; is otklik-provisioner up?"
            telemetry.count("otklik.relay.missing_stream")
            raise ConnectionError(self._missing)
        self._missing = None
        created = envelope.instant(_micros(answer["created"]))
        stream = _Stream(created=created, last_sequence=int(answer["state"]["last_seq"]))
        if await connection.fetchval(_ELSEWHERE, stream.created, stream.last_sequence):
            await self._forget(connection, stream.created, stream.last_sequence)
        return stream

    async def _is_shorter(self, connection: Connection, stream: _Stream, outcome: Outcome) -> bool:
        """Say whether the stream was cut since the last look: it gave a place away twice.

        Then nothing of the outcome is marked: the rows are published again after those that were
        lost, and are duplicates.
        """
        if outcome.first_new is None or outcome.first_new > stream.last_sequence:
            stream.last_sequence = max([stream.last_sequence, *outcome.sequences.values()])
            return False
        await self._forget(connection, stream.created, outcome.first_new - 1)
        return True

    async def _forget(self, connection: Connection, created: datetime, last: int) -> None:
        """Let every event be published again that is not in the stream up to a sequence."""
        now: datetime = await connection.fetchval("select clock_timestamp()")
        count, changed = 0, _RESET_ROWS
        while changed == _RESET_ROWS:
            horizon = now - REPUBLISH_HORIZON
            done = await connection.execute(_FORGOTTEN, created, last, horizon, _RESET_ROWS)
            changed = int(done.rpartition(" ")[2])
            count += changed
        telemetry.count("otklik.relay.forgotten_events", count)
        _LOG.warning("the stream has forgotten events; publishing again", extra={"events": count})

    async def _mark(
        self,
        connection: Connection,
        rows: Sequence[Recorded],
        outcome: Outcome,
        stream: _Stream,
    ) -> None:
        if outcome.sequences:
            positions, sequences = list(outcome.sequences), list(outcome.sequences.values())
            await connection.execute(_PUBLISHED, positions, sequences, stream.created)
            types = Counter(row.type for row in rows if row.position in outcome.sequences)
            for type_name, count in types.items():
                telemetry.count("otklik.events.published", count, type=type_name)
        for row, error in outcome.dead:
            await self._bury(connection, row, error)

    async def _bury(self, connection: Connection, row: Recorded, error: str) -> None:
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


async def _unpublished(connection: Connection) -> tuple[list[Recorded], float]:
    """Read what waits, and how long the oldest has."""
    found = [
        dict(row.items())
        for row in await connection.fetch(_UNPUBLISHED, BATCH_MESSAGES, BATCH_BYTES)
    ]
    ages = [row.pop("age") for row in found]
    return [Recorded(**row) for row in found], ages[0] if ages else 0.0


def _why(outcome: Outcome) -> dict[str, str]:
    return {"error": f"{type(outcome.error).__name__}: {outcome.error}"}


def _micros(text: str) -> str:
    """Cut an RFC 3339 instant with nanoseconds to microseconds, which is what PostgreSQL keeps."""
    whole, _, rest = text.partition(".")
    digits = rest.rstrip("Z")
    return f"{whole}.{digits[:6].ljust(6, '0')}+00:00" if rest else f"{whole.rstrip('Z')}+00:00"
