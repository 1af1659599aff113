"""The floor: the leanest honest pipeline this stack can do the same five durable steps with.

Three processes, nats-server and PostgreSQL. Intake parses a mail and publishes it; tickets writes in one transaction
{deduplication key, ticket, two clocks, outbox row} and publishes the outbox row, then marks it; notify writes a
notification with its rendered text. No SMTP, no attachments kept, no rights, no traces. Everything else that Otklik does
is measured against it, in the same run.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import pickle
import sys
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import nats
import nats.aio.client
import uvloop
from fast_mail_parser import parse_email

from otklik_runtime.testing.nats import NatsServer
from otklik_runtime.testing.postgres import PostgresServer
from tests.bench import corpus, measure

BATCH = 100
VALID_CORE_MICROSECONDS = 290.0
"""Above this, corrected by calibration, the floor is not lean and no comparison with it counts."""

_SCHEMA = """
    create table seen (key text primary key);
    create table tickets (id uuid primary key, number bigint generated always as identity, subject text not null,
      sender text not null, body text not null, status text not null, created_at timestamptz not null);
    create index on tickets (status, created_at);
    create table clocks (ticket_id uuid not null, kind text not null, due_at timestamptz not null, state int not null);
    create index on clocks (due_at) where state = 0;
    create table outbox (position bigint generated always as identity primary key, id uuid not null, payload bytea not null,
      published boolean not null default false);
    create index on outbox (position) where not published;
    create table notifications (id uuid primary key, ticket_id uuid not null, text text not null,
      created_at timestamptz not null);
"""

_TICKETS = """
    with fresh as (insert into seen select * from unnest($1::text[]) on conflict do nothing returning key),
    given as (select * from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::uuid[])
              as g (key, id, subject, sender, body, payload, event) join fresh using (key)),
    opened as (insert into tickets (id, subject, sender, body, status, created_at)
               select id, subject, sender, body, 'new', clock_timestamp() from given),
    armed as (insert into clocks (ticket_id, kind, due_at, state)
              select id, kind, clock_timestamp() + interval '4 hours', 0 from given,
              unnest(array['first_response', 'resolution']) as kind)
    insert into outbox (id, payload) select event, payload from given returning position, id::text, payload
"""

_NOTIFICATIONS = """
    insert into notifications (id, ticket_id, text, created_at)
    select id, ticket_id, text, clock_timestamp()
      from unnest($1::uuid[], $2::uuid[], $3::text[]) as f (id, ticket_id, text)
    on conflict do nothing
"""


@dataclass(frozen=True, kw_only=True)
class Floor:
    """What the floor reached: rate, cost, and the five durable counts that prove it did the work."""

    messages_per_second: float
    core_microseconds: float
    counts: dict[str, int]
    latency_milliseconds: list[float]


async def run(  # noqa: PLR0913 - a benchmark's knobs
    letters: list[corpus.Letter],
    directory: Path,
    *,
    sync_always: bool,
    rate: float | None = None,
) -> Floor:
    """Run the floor over letters, as fast as it can or at `rate` messages a second."""
    postgres = PostgresServer(directory=directory / "floor-postgres")
    broker = NatsServer(
        directory=directory / "floor-nats", sync_interval="always" if sync_always else "2m"
    )
    await postgres.start()
    await broker.start()
    stages: list[multiprocessing.Process] = []
    try:
        url = await postgres.create_database("floor")
        await _prepare(url, broker.url)
        ready = multiprocessing.Event()
        pickled = directory / "floor-letters.pickle"
        pickled.write_bytes(pickle.dumps([letter.raw for letter in letters]))
        stages = [
            multiprocessing.Process(
                target=_stage, args=(name, url, broker.url, str(pickled), rate, ready)
            )
            for name in ("tickets", "notify", "intake")
        ]
        for stage in stages:
            stage.start()
        pids = [*(stage.pid or 0 for stage in stages), postgres.pid, broker.pid]
        await asyncio.sleep(1.0)
        before, begun = measure.usage(pids), time.monotonic()
        ready.set()
        counts = await _finished(url, len(letters))
        elapsed = time.monotonic() - begun
        used = measure.usage(pids).since(before)
        latencies = await _latencies(broker.url)
    finally:
        for stage in stages:
            stage.kill()
            stage.join()
        await broker.remove()
        await postgres.remove()
    return Floor(
        messages_per_second=len(letters) / elapsed,
        core_microseconds=used / len(letters),
        counts=counts,
        latency_milliseconds=latencies,
    )


async def _prepare(url: str, broker: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(_SCHEMA)
    await connection.close()
    client = await nats.connect(broker)
    for name in ("received", "opened"):
        stream = {
            "name": f"floor_{name}",
            "subjects": [f"floor.{name}"],
            "storage": "file",
            "allow_atomic": True,
        }
        await client.request(f"$JS.API.STREAM.CREATE.floor_{name}", json.dumps(stream).encode())
        durable = {
            "durable_name": "reader",
            "name": "reader",
            "ack_policy": "explicit",
            "max_ack_pending": 2000,
        }
        body = {"stream_name": f"floor_{name}", "config": durable, "action": ""}
        await client.request(
            f"$JS.API.CONSUMER.CREATE.floor_{name}.reader", json.dumps(body).encode()
        )
    await client.close()


async def _finished(url: str, expected: int) -> dict[str, int]:
    connection = await asyncpg.connect(url)
    tables = {"seen": 1, "tickets": 1, "clocks": 2, "outbox": 1, "notifications": 1}
    while await connection.fetchval("select count(*) from notifications") < expected:
        await asyncio.sleep(0.02)
    counts = {
        table: int(await connection.fetchval(f"select count(*) from {table}")) for table in tables
    }  # noqa: S608
    await connection.close()
    if counts != {table: times * expected for table, times in tables.items()}:
        sys.exit(f"the floor lost or doubled something: {counts} of {expected}")
    return counts


async def _latencies(broker: str) -> list[float]:
    client = await nats.connect(broker)
    store = await client.jetstream().key_value("floor_latency")
    with suppress(Exception):
        entry = await store.get("milliseconds")
        await client.close()
        return list(json.loads(entry.value or b"[]"))
    return []


def _stage(  # noqa: PLR0913 - handed to a process
    name: str, url: str, broker: str, letters: str, rate: float | None, ready: Any
) -> None:
    work = {"intake": _intake, "tickets": _tickets, "notify": _notify}[name]
    with suppress(KeyboardInterrupt):
        uvloop.run(work(url, broker, letters, rate, ready))


async def _atomic(
    client: nats.aio.client.Client, subject: str, payloads: list[tuple[str, bytes]]
) -> None:
    batch = uuid.uuid4().hex  # noqa: TID251 - names one publish
    for place, (identifier, payload) in enumerate(payloads, 1):
        headers = {
            "Nats-Msg-Id": identifier,
            "Nats-Batch-Id": batch,
            "Nats-Batch-Sequence": str(place),
        }
        if place < len(payloads):
            await client.publish(subject, payload, headers=headers)
        else:
            headers["Nats-Batch-Commit"] = "1"
            answer = json.loads(
                (await client.request(subject, payload, headers=headers, timeout=10)).data
            )
            if "error" in answer:
                sys.exit(f"the broker refused a batch of the floor: {answer['error']}")


async def _intake(_: str, broker: str, letters: str, rate: float | None, ready: Any) -> None:
    raws: list[bytes] = pickle.loads(Path(letters).read_bytes())  # noqa: S301 - written by this program
    client = await nats.connect(broker)
    await asyncio.to_thread(ready.wait)
    size = BATCH if rate is None else 1
    begun = time.monotonic()
    for first in range(0, len(raws), size):
        if rate is not None:
            await asyncio.sleep(max(0.0, begun + first / rate - time.monotonic()))
        payloads = []
        for raw in raws[first : first + size]:
            mail = parse_email(raw)
            body = "".join(mail.text_plain)
            identifier = str(uuid.uuid4())  # noqa: TID251 - as lean as can be
            received = [
                mail.subject,
                _first(mail.headers.get("From")),
                body,
                _first(mail.headers.get("Message-ID")),
            ]
            payloads.append((identifier, pickle.dumps([identifier, time.time(), *received])))
        await _atomic(client, "floor.received", payloads)
    await asyncio.sleep(3600)


def _first(value: Any) -> str:
    return value[0] if isinstance(value, list) else str(value)


async def _tickets(url: str, broker: str, _: str, __: float | None, ready: Any) -> None:
    connection = await asyncpg.connect(url)
    client = await nats.connect(broker)
    pull = await client.jetstream().pull_subscribe_bind(consumer="reader", stream="floor_received")
    while True:
        try:
            messages = await pull.fetch(BATCH, timeout=1)
        except asyncio.TimeoutError:
            continue
        rows = []
        for message in messages:
            _id, sent, subject, sender, body, key = pickle.loads(message.data)  # noqa: S301
            ticket = str(uuid.uuid4())  # noqa: TID251
            event = pickle.dumps([ticket, sent, subject, sender])
            rows.append((key, ticket, subject, sender, body, event, str(uuid.uuid4())))  # noqa: TID251
        opened = await connection.fetch(
            _TICKETS, *(list(column) for column in zip(*rows, strict=True))
        )
        for message in messages:
            await message.ack()
        if opened:
            await _atomic(client, "floor.opened", [(row[1], row[2]) for row in opened])
            positions = [row[0] for row in opened]
            await connection.execute(
                "update outbox set published = true where position = any($1)", positions
            )


async def _notify(url: str, broker: str, _: str, __: float | None, ready: Any) -> None:
    connection = await asyncpg.connect(url)
    client = await nats.connect(broker)
    store = await client.jetstream().create_key_value(bucket="floor_latency")
    pull = await client.jetstream().pull_subscribe_bind(consumer="reader", stream="floor_opened")
    latencies: list[float] = []
    while True:
        try:
            messages = await pull.fetch(BATCH, timeout=1)
        except asyncio.TimeoutError:
            await store.put("milliseconds", json.dumps(latencies).encode())
            continue
        rows, sents = [], []
        for message in messages:
            ticket, sent, subject, sender = pickle.loads(message.data)  # noqa: S301
            text = f"Dear {sender},\n\nyour request «{subject}» has the number {ticket}. We answer by tomorrow 12:00.\n"
            rows.append((str(uuid.uuid5(uuid.NAMESPACE_OID, ticket)), ticket, text))
            sents.append(sent)
        await connection.execute(
            _NOTIFICATIONS, *(list(column) for column in zip(*rows, strict=True))
        )
        now = time.time()
        latencies.extend((now - sent) * 1000 for sent in sents)
        for message in messages:
            await message.ack()
