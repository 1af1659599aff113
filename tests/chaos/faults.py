"""What is done to a running Otklik. Each fault undoes itself; none says whether it was survived."""

import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import asyncpg
from nats.aio.client import Client

from otklik_ops.flows import contracted
from otklik_runtime.envelope import durable_of, stream_of
from tests.chaos.proxy import Proxy
from tests.chaos.world import KILLED, World

HIT_SECONDS = 40
# Passed many times a second: the first passing would be before any load.
OFTEN = ("transaction.",)
OFTEN_NTH, NTH = 6, 2
ACK_WAIT_NANOSECONDS = 5_000_000_000

_LISTING = """
import importlib, json, pkgutil, sys
from otklik_runtime import failpoints
for service in sys.argv[1:]:
    package = importlib.import_module(f"otklik_{service}")
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
print(json.dumps(failpoints.known()))
"""


class FailpointNotHit(AssertionError):
    """A failpoint was armed and nothing came by."""


def failpoints_of(services: Sequence[str]) -> dict[str, list[str]]:
    """List every registered failpoint by the service that passes it.

    Those of the runtime are passed by every service. Asked in a process of its own: importing a
    service registers its metrics and more.
    """
    listed = subprocess.run(
        [sys.executable, "-c", _LISTING, *services], check=True, capture_output=True, text=True
    )
    known: list[str] = json.loads(listed.stdout)
    own = {
        service: [name for name in known if name.startswith(f"{service}.")] for service in services
    }
    shared = [name for name in known if not any(name in names for names in own.values())]
    return {service: [*shared, *own[service]] for service in services}


async def hit_each(
    world: World, service: str, names: Sequence[str], *, seconds: float = HIT_SECONDS
) -> list[str]:
    """Let a service die at one failpoint after another; return those that nothing passed.

    It is started again armed with the next one, and after the last one clean: every start is also
    the recovery from the death before.
    """
    missed: list[str] = []
    world.require_alive(service)
    await world.stack.stop(service)
    for name in names:
        nth = OFTEN_NTH if name.startswith(OFTEN) else NTH
        world.stack.spawn(service, OTKLIK_FAILPOINT=f"{name}:{nth}")
        try:
            status = await world.stack.children[service].wait_end(seconds=seconds)
        except TimeoutError:
            missed.append(f"{service} {name}")
            await world.stack.kill(service)
        else:
            if status != KILLED:
                missed.append(f"{service} {name}: ended with {status}")
        await world.died(service)
    world.stack.spawn(service)
    await world.stack.wait_ready(service)
    return missed


async def kill_service(world: World, service: str) -> None:
    """Kill a service with -9 and start it again."""
    await world.kill(service)
    await world.stack.start(service)


async def pause(pid: int | None, *, seconds: float) -> None:
    """Freeze a process as an overloaded machine would, and let it go on."""
    if pid is None:
        return
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        os.kill(pid, signal.SIGCONT)


async def kill_broker(world: World) -> None:
    """Kill nats-server with -9 and start it on what it had stored."""
    await world.stack.nats.kill()
    await asyncio.sleep(0.5)
    await world.stack.start_nats()


async def wipe_broker(world: World) -> None:
    """Kill nats-server, delete everything it stored, start it empty."""
    await world.stack.nats.kill()
    shutil.rmtree(world.stack.nats.store)
    await world.stack.start_nats()


async def delete_stream(world: World, owner: str) -> None:
    """Delete one owner's stream with all its durables while it is written; return when it is back.

    Where an earlier fault took it, it must be there first.
    """
    stream = stream_of(owner)
    client = await world.broker()
    try:
        await _asked(client, f"STREAM.DELETE.{stream}")
        await _asked(client, f"STREAM.INFO.{stream}")
    finally:
        await client.close()


async def _asked(client: Client, verb: str, **asked: object) -> dict[str, Any]:
    """Ask JetStream until it can do what it is asked."""
    payload = json.dumps(asked).encode() if asked else b""
    async with asyncio.timeout(HIT_SECONDS):
        while True:
            message = await client.request(f"$JS.API.{verb}", payload, timeout=5)
            answer: dict[str, Any] = json.loads(message.data)
            if "error" not in answer:
                return answer
            await asyncio.sleep(0.1)


async def restart_postgres(world: World) -> None:
    """Stop PostgreSQL in order, which cuts every connection, and start it again."""
    await world.stack.stop_postgres()
    await asyncio.sleep(0.5)
    await world.stack.start_postgres()


async def kill_postgres(world: World) -> None:
    """Kill PostgreSQL with all its backends and let it recover."""
    await world.stack.postgres.kill()
    await world.stack.start_postgres()


async def cut_connections(world: World, *, seconds: float) -> int:
    """Cut the services' connections at random moments; return how many were cut."""
    connection = await asyncpg.connect(world.stack.postgres.url(), timeout=10)
    cut = 0
    ends = time.monotonic() + seconds
    try:
        while time.monotonic() < ends:
            # Those in a transaction first: a cut between two statements is worth most.
            cut += await connection.fetchval(
                "select count(pg_terminate_backend(pid)) from (select pid from pg_stat_activity"
                " where application_name like 'otklik-%' order by state <> 'idle' desc, random()"
                " limit 2) as victims"
            )
            await asyncio.sleep(random.uniform(0.05, 0.4))  # noqa: S311 - spreads the moments
    finally:
        await connection.close()
    return cut


async def lose_commit_answers(world: World, service: str, count: int, *, seconds: float) -> int:
    """Let a service's COMMITs succeed without its hearing of it; return how often that was."""
    async with Proxy(target=world.stack.ports.postgres) as proxy:
        url = world.stack.environments.database_url(service, port=proxy.port)
        await world.stack.restart(service, OTKLIK_DATABASE_URL=url)
        proxy.lose = count
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while proxy.lose:  # noqa: ASYNC110 - the proxy counts; nobody waits for each
                    await asyncio.sleep(0.1)
        lost = proxy.lost
        proxy.lose = 0
        await asyncio.sleep(1)
        await world.stack.restart(service)
    return lost


SLOW_COMMITS = """
create or replace function chaos_slow() returns trigger language plpgsql as $$
begin
  if random() < 0.2 then perform pg_sleep(random() * 0.6); end if;
  return null;
end $$;
drop trigger if exists chaos_slow on heads;
create constraint trigger chaos_slow after insert or update on heads
  deferrable initially deferred for each row execute function chaos_slow();
"""

REFUSED_COMMITS = """
create or replace function chaos_refused() returns trigger language plpgsql as $$
begin
  if random() < 0.05 then
    raise exception 'another transaction was faster' using errcode = '40001';
  end if;
  return null;
end $$;
drop trigger if exists chaos_refused on inbox;
create constraint trigger chaos_refused after insert on inbox
  deferrable initially deferred for each row execute function chaos_refused();
"""


async def disturb_commits(world: World) -> None:
    """From now on some commits take their time, so that later ones overtake them; some fail."""
    for service in world.services:
        await world.stack.postgres.execute(
            SLOW_COMMITS, REFUSED_COMMITS, database=f"otklik_{service}"
        )


async def inject_poison(world: World, owner: str) -> None:
    """Publish one event that nobody can read, and expect a dead letter of each reader."""
    client = await world.broker()
    try:
        await _asked(client, f"STREAM.INFO.{stream_of(owner)}")
        subject = f"otklik.{owner}.v1.poison.00000000-0000-0000-0000-00000000dead"
        answer = await client.request(subject, b"\xff\xff\xff", timeout=5)
        assert "error" not in json.loads(answer.data), answer.data
    finally:
        await client.close()
    for reader, said_by in contracted().pairs:
        if said_by == owner and reader in world.services:
            world.dead_letters[reader, "undecodable"] += 1


async def hasten_redelivery(world: World) -> None:
    """Let the broker offer what a dead reader held again after seconds instead of a minute.

    The provisioner would put that right: it is stopped for the rest of the run.
    """
    await world.put_away("provisioner")
    client = await world.broker()
    try:
        for reader, owner in contracted().pairs:
            name = f"{stream_of(owner)}.{durable_of(reader, owner)}"
            config = (await _asked(client, f"CONSUMER.INFO.{name}"))["config"]
            await _asked(
                client,
                f"CONSUMER.CREATE.{name}",
                stream_name=stream_of(owner),
                config={**config, "ack_wait": ACK_WAIT_NANOSECONDS},
                action="update",
            )
    finally:
        await client.close()
