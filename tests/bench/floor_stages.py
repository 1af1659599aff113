"""The three processes of the floor: intake, tickets, notify; the least that does the five steps.

Each runs in a process of its own on uvloop, like our services, and says over a semaphore that it is
ready. Instants are of the machine's monotonic clock, which all processes share.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.synchronize import Event, Semaphore
from pathlib import Path
from typing import Any

import asyncpg
import nats
import uvloop
from fast_mail_parser import parse_email
from nats.aio.client import Client
from nats.aio.msg import Msg

from otklik_runtime.ids import new_id, stable_id

BATCH = 100
TICKETS_STREAM = "floor_opened"
INTAKE_STREAM = "floor_received"
LATENCIES = "latencies.json"

_TICKETS = """
    with fresh as (insert into seen select * from unnest($1::text[]) on conflict do nothing
                   returning key),
    given as (select * from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[],
                                   $6::bytea[], $7::uuid[])
              as g (key, id, subject, sender, body, payload, event) join fresh using (key)),
    opened as (insert into tickets (id, subject, sender, body, status, created_at)
               select id, subject, sender, body, 'new', clock_timestamp() from given),
    armed as (insert into clocks (ticket_id, kind, due_at, state)
              select id, kind, clock_timestamp() + interval '4 hours', 0 from given,
              unnest(array['first_response', 'resolution']) as kind)
    insert into outbox (id, payload) select event, payload from given
    returning position, id::text, payload
"""
_MARK = "update outbox set published = true where position = any($1)"
_NOTIFICATIONS = """
    insert into notifications (id, ticket_id, text, created_at)
    select id, ticket_id, text, clock_timestamp()
      from unnest($1::uuid[], $2::uuid[], $3::text[]) as f (id, ticket_id, text)
    on conflict do nothing
"""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What one process of the floor is told."""

    database: str
    broker: str
    folder: Path
    rate: float | None
    prepared: Semaphore
    begin: Event

    @property
    def letters(self) -> Path:
        """The mails to parse."""
        return self.folder / "letters.pickle"


def run(name: str, task: Task) -> None:
    """Be one stage until killed."""
    work: Callable[[Task], Awaitable[None]] = {
        "intake": _intake,
        "tickets": _tickets,
        "notify": _notify,
    }[name]
    with suppress(KeyboardInterrupt):
        uvloop.run(_awaited(work(task)))


async def _awaited(work: Awaitable[None]) -> None:
    await work


async def _intake(task: Task) -> None:
    raws: list[bytes] = pickle.loads(task.letters.read_bytes())  # noqa: S301 - written by this program
    client = await nats.connect(task.broker)
    task.prepared.release()
    await asyncio.to_thread(task.begin.wait)
    size = BATCH if task.rate is None else 1
    begun = time.monotonic()
    for first in range(0, len(raws), size):
        if task.rate is not None:
            await asyncio.sleep(max(0.0, begun + first / task.rate - time.monotonic()))
        await _atomic(client, "floor.received", map(_received, raws[first : first + size]))
    await asyncio.Event().wait()


def _received(raw: bytes) -> tuple[str, bytes]:
    mail = parse_email(raw)
    identifier = new_id()
    facts = (
        time.monotonic(),
        mail.subject,
        mail.headers["From"][0],
        "".join(mail.text_plain),
        mail.headers["Message-ID"][0],
    )
    return identifier, pickle.dumps(facts)


async def _tickets(task: Task) -> None:
    connection = await asyncpg.connect(task.database)
    client = await nats.connect(task.broker)

    async def handle(messages: Sequence[Msg]) -> None:
        rows = []
        for message in messages:
            sent, subject, sender, body, key = pickle.loads(message.data)  # noqa: S301
            ticket = new_id()
            event = pickle.dumps((ticket, sent, subject, sender))
            rows.append((key, ticket, subject, sender, body, event, new_id()))
        opened = await connection.fetch(_TICKETS, *_columns(rows))
        await messages[-1].ack()
        if opened:
            await _atomic(client, "floor.opened", [(row[1], row[2]) for row in opened])
            await connection.execute(_MARK, [row[0] for row in opened])

    await _read(client, INTAKE_STREAM, handle, task)


async def _notify(task: Task) -> None:
    connection = await asyncpg.connect(task.database)
    client = await nats.connect(task.broker)
    latencies: list[float] = []

    async def handle(messages: Sequence[Msg]) -> None:
        rows, sents = [], []
        for message in messages:
            ticket, sent, subject, sender = pickle.loads(message.data)  # noqa: S301
            text = (
                f"Dear {sender},\n\nyour request «{subject}» has the number {ticket}. "
                "We answer by tomorrow 12:00.\n"
            )
            rows.append((stable_id(ticket), ticket, text))
            sents.append(sent)
        await connection.execute(_NOTIFICATIONS, *_columns(rows))
        now = time.monotonic()
        latencies.extend((now - sent) * 1000 for sent in sents)
        await messages[-1].ack()
        if task.rate is not None:
            (task.folder / LATENCIES).write_text(json.dumps(latencies))

    await _read(client, TICKETS_STREAM, handle, task)


async def _read(
    client: Client, stream: str, handle: Callable[[Sequence[Msg]], Awaitable[None]], task: Task
) -> None:
    pull = await client.jetstream().pull_subscribe_bind(consumer="reader", stream=stream)
    task.prepared.release()
    while True:
        try:
            messages = await pull.fetch(BATCH, timeout=1)
        except TimeoutError:
            continue
        await handle(messages)


async def _atomic(client: Client, subject: str, payloads: Iterable[tuple[str, bytes]]) -> None:
    """Publish as one atomic batch."""
    batch = new_id()
    messages = list(payloads)
    for place, (identifier, payload) in enumerate(messages, 1):
        headers = {
            "Nats-Msg-Id": identifier,
            "Nats-Batch-Id": batch,
            "Nats-Batch-Sequence": str(place),
        }
        if place < len(messages):
            await client.publish(subject, payload, headers=headers)
            continue
        headers["Nats-Batch-Commit"] = "1"
        answer = await client.request(subject, payload, headers=headers, timeout=10)
        if b'"error"' in answer.data:
            sys.exit(f"the broker refused a batch of the floor: {answer.data.decode()}")


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
