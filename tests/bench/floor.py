"""The floor: the leanest honest pipeline this stack can do the same five durable steps with.

Three processes, nats-server and PostgreSQL. Intake parses a mail and publishes it; tickets writes
in one transaction {deduplication key, ticket, two clocks, outbox row}, publishes the outbox row and
marks it; notify writes a notification with its rendered text. No SMTP, no attachments kept, no
rights, no traces. Everything that Otklik does is measured against it, in the same run.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import pickle
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import asyncpg
import nats

from otklik_runtime.testing.nats import NatsServer
from otklik_runtime.testing.postgres import PostgresServer
from tests.bench import floor_stages, measure
from tests.bench.corpus import Letter

VALID_CORE_MICROSECONDS = 290.0
"""Above this, corrected by calibration, the floor is not lean and no comparison with it counts."""

_POLL_SECONDS = 0.02
_TABLES = {"seen": 1, "tickets": 1, "clocks": 2, "outbox": 1, "notifications": 1}
_SCHEMA = """
    create table seen (key text primary key);
    create table tickets (id uuid primary key, number bigint generated always as identity,
      subject text not null, sender text not null, body text not null, status text not null,
      created_at timestamptz not null);
    create index on tickets (status, created_at);
    create table clocks (ticket_id uuid not null, kind text not null, due_at timestamptz not null,
      state int not null);
    create index on clocks (due_at) where state = 0;
    create table outbox (position bigint generated always as identity primary key,
      id uuid not null, payload bytea not null, published boolean not null default false);
    create index on outbox (position) where not published;
    create table notifications (id uuid primary key, ticket_id uuid not null, text text not null,
      created_at timestamptz not null);
"""


class FloorFailed(Exception):
    """The floor lost or doubled something, or is not lean: nothing can be compared with it."""


@dataclass(frozen=True, kw_only=True)
class Floor:
    """What the floor reached: rate, cost, and the five durable counts that prove its work."""

    messages_per_second: float
    usage: measure.Usage
    counts: dict[str, int]
    latency_milliseconds: Sequence[float]

    @property
    def core_microseconds(self) -> float:
        """Processor time of all processes for one message."""
        return self.usage.total

    def corrected(self, calibration: float) -> float:
        """The cost of one message on the reference machine, by calibration."""
        return self.core_microseconds * calibration / measure.REFERENCE_CALIBRATION

    def require_lean(self, calibration: float) -> None:
        """Refuse to be compared with when it costs more than the leanest known.

        Raises:
            FloorFailed: it does.
        """
        corrected = self.corrected(calibration)
        if corrected > VALID_CORE_MICROSECONDS:
            raise FloorFailed(
                f"the floor took {self.core_microseconds:.0f} core-us a message, "
                f"{corrected:.0f} on the reference machine: more than "
                f"{VALID_CORE_MICROSECONDS:.0f} is not lean, so no ratio to it counts. "
                "Is the machine busy with something else?"
            )


async def run(
    letters: Sequence[Letter],
    folder: Path,
    *,
    sync_interval: str = "2m",
    rate: float | None = None,
    advanced: Callable[[int], None] = lambda _: None,
) -> Floor:
    """Run the floor over letters, as fast as it can or at `rate` messages a second."""
    folder.mkdir(parents=True, exist_ok=True)
    postgres = PostgresServer(directory=folder / "postgres")
    broker = NatsServer(directory=folder / "nats", sync_interval=sync_interval)
    stages: dict[str, BaseProcess] = {}
    try:
        await postgres.start()
        await broker.start()
        url = await postgres.create_database("floor")
        await _prepare(url, broker.url)
        # Forked processes would share the memory and the loop of this one.
        context = multiprocessing.get_context("spawn")
        task = floor_stages.Task(
            database=url,
            broker=broker.url,
            folder=folder,
            rate=rate,
            prepared=context.Semaphore(0),
            begin=context.Event(),
        )
        task.letters.write_bytes(pickle.dumps([letter.raw for letter in letters]))
        stages = {
            name: context.Process(target=floor_stages.run, args=(name, task), daemon=True)
            for name in ("intake", "tickets", "notify")
        }
        for stage in stages.values():
            stage.start()
        for _ in stages:
            await asyncio.to_thread(task.prepared.acquire)
        processes = {name: stage.pid or 0 for name, stage in stages.items()}
        processes |= {"postgres": postgres.pid or 0, "nats": broker.pid or 0}
        before, begun = measure.usage(processes), time.monotonic()
        task.begin.set()
        await _finished(url, len(letters), advanced)
        elapsed = time.monotonic() - begun
        used = measure.usage(processes).since(before)
        return Floor(
            messages_per_second=len(letters) / elapsed,
            usage=used.per(len(letters)),
            counts=await _counted(url, len(letters)),
            latency_milliseconds=await _latencies(folder, len(letters)) if rate else (),
        )
    finally:
        for stage in stages.values():
            stage.kill()
            stage.join()
        await broker.remove()
        await postgres.remove()
        shutil.rmtree(folder, ignore_errors=True)


async def _prepare(url: str, broker: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(_SCHEMA)
    await connection.close()
    client = await nats.connect(broker)
    for name in (floor_stages.INTAKE_STREAM, floor_stages.TICKETS_STREAM):
        stream = {
            "name": name,
            "subjects": [name.replace("_", ".")],
            "storage": "file",
            "allow_atomic": True,
        }
        await client.request(f"$JS.API.STREAM.CREATE.{name}", json.dumps(stream).encode())
        durable = {
            "durable_name": "reader",
            "name": "reader",
            # One reader in order: the acknowledgement of the last is that of all before it.
            "ack_policy": "all",
            "max_ack_pending": 2000,
        }
        body = {"stream_name": name, "config": durable, "action": ""}
        await client.request(f"$JS.API.CONSUMER.CREATE.{name}.reader", json.dumps(body).encode())
    await client.close()


async def _finished(url: str, expected: int, advanced: Callable[[int], None]) -> None:
    connection = await asyncpg.connect(url)
    done = 0
    while done < expected:
        await asyncio.sleep(_POLL_SECONDS)
        done = await connection.fetchval("select count(*) from notifications")
        advanced(done)
    await connection.close()


async def _counted(url: str, expected: int) -> dict[str, int]:
    connection = await asyncpg.connect(url)
    counts = {
        table: int(await connection.fetchval(f"select count(*) from {table}"))  # noqa: S608 - our own names
        for table in _TABLES
    }
    await connection.close()
    if counts != {table: times * expected for table, times in _TABLES.items()}:
        raise FloorFailed(f"the floor lost or doubled something: {counts} of {expected}")
    return counts


async def _latencies(folder: Path, expected: int) -> list[float]:
    """Read what notify measured; it writes it down after its last commit."""
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        try:
            found: list[float] = json.loads((folder / floor_stages.LATENCIES).read_text())
        except (FileNotFoundError, ValueError):
            continue
        if len(found) == expected:
            return found
