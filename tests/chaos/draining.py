"""When is it over? When nothing is left that would still move by itself.

Whether what came out is right is the checker's business: a lost event must be found soon, not
waited for.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import asyncpg
import nats
from nats.aio.client import Client

from otklik_ops.flows import contracted
from otklik_ops.permissions import ADMINISTRATOR, inbox_prefix
from otklik_runtime.envelope import durable_of, stream_of

POLL_SECONDS = 0.5
QUIET_POLLS = 3

_NEWEST = "select coalesce(max(position), 0) from events"
# What each database may hold that still moves: rows for the relay, and the service's own queues.
_UNPUBLISHED = "select count(*) from events where stream_sequence is null"
_OWN: Mapping[str, tuple[str, ...]] = {
    "intake": ("select count(*) from items where read_at is null",),
    "notify": (
        "select count(*) from deliveries where state in ('queued', 'sending')",
        "select count(*) from acknowledgements where outcome = 'waiting'",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Drained:
    """How draining ended.

    Attributes:
        seconds: how long it took.
        left: what still moved when patience ran out; empty if nothing did.
    """

    seconds: float
    left: str = ""


async def connect(url: str, password: str) -> Client:
    """Connect to the broker as the one who may look at everything."""
    return await nats.connect(
        url,
        user=ADMINISTRATOR,
        password=password,
        inbox_prefix=inbox_prefix(ADMINISTRATOR).encode(),
        allow_reconnect=False,
    )


async def drain(
    url_of: Callable[[str], str],
    services: tuple[str, ...],
    broker: Client,
    *,
    seconds: float,
    stuck_seconds: float,
) -> Drained:
    """Wait until nothing moves.

    Args:
        url_of: the address of a service's database for someone who may read all of it.
        services: whose databases to look at.
        broker: for someone who may look at every durable.
        seconds: the longest that it may take.
        stuck_seconds: how long something may be left without anything changing.
    """
    began = moved = time.monotonic()
    quiet = 0
    before: object = None
    left: dict[str, int] = {}
    databases = {name: await asyncpg.connect(url_of(name), timeout=10) for name in services}
    try:
        while quiet < QUIET_POLLS:
            left, state = await _look(databases, broker)
            now = time.monotonic()
            if (left, state) != before:
                before, moved = (left, state), now
            quiet = quiet + 1 if not left and moved < now else 0
            if now - began > seconds or now - moved > stuck_seconds:
                break
            await asyncio.sleep(POLL_SECONDS)
    finally:
        for connection in databases.values():
            await connection.close()
    told = ", ".join(f"{what}: {count}" for what, count in left.items())
    return Drained(
        seconds=time.monotonic() - began,
        left="" if quiet >= QUIET_POLLS else told or "events are still being written",
    )


async def _look(
    databases: Mapping[str, asyncpg.Connection], broker: Client
) -> tuple[dict[str, int], object]:
    left: dict[str, int] = {}
    state = []
    for name, connection in databases.items():
        queues = (_UNPUBLISHED, *_OWN.get(name, ()))
        left[f"rows of {name}"] = sum([await connection.fetchval(one) for one in queues])
        state.append(await connection.fetchval(_NEWEST))
    for reader, owner in contracted().pairs:
        if reader in databases and owner in databases:
            left[f"messages for {durable_of(reader, owner)}"] = await _lag(broker, reader, owner)
    return {what: count for what, count in left.items() if count}, state


async def _lag(broker: Client, reader: str, owner: str) -> int:
    """Count what a durable has not been given or has not answered; a missing one counts as 1."""
    subject = f"$JS.API.CONSUMER.INFO.{stream_of(owner)}.{durable_of(reader, owner)}"
    answer = json.loads((await broker.request(subject, b"", timeout=5)).data)
    if "error" in answer:
        return 1
    return int(answer["num_pending"]) + int(answer["num_ack_pending"])
