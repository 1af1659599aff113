"""One running Otklik under load, which is going to be hurt, and the judgement of it afterwards."""

import asyncio
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
from nats.aio.client import Client

from otklik_ops.permissions import ADMINISTRATOR
from tests.chaos import ledger as ledgers
from tests.chaos import report
from tests.chaos.checker import Allowed, Verdict, check
from tests.chaos.collect import collect, mails
from tests.chaos.draining import Drained, connect, drain
from tests.chaos.seeding import seed
from tools.local.child import Child
from tools.local.environment import DATABASE_OWNERS
from tools.local.home import ROOT
from tools.local.ports import Ports, free_base
from tools.local.processes import services_here
from tools.local.stack import Stack

KILLED = 137
LOAD = "load"
KEPT = ROOT / ".run/chaos"
LOAD_ENDS_SECONDS = 40
# The broker offers again after a minute what a dead reader held, and then a gap may have to close.
STUCK_SECONDS = 150
# Shorter than in life, so that what waits for them does not outlast the test.
HASTE: Mapping[str, Mapping[str, str]] = {
    "intake": {"OTKLIK_INTAKE_REQUESTS_PER_MINUTE": "100000"},
    "notify": {
        "OTKLIK_NOTIFY_LEASE_SECONDS": "8",
        "OTKLIK_NOTIFY_ACKNOWLEDGEMENT_WAIT_SECONDS": "5",
    },
}


@dataclass(kw_only=True)
class World:
    """A stack, its load, and what has been done to it.

    Attributes:
        sending_at_kills: deliveries in `sending` at notify's deaths so far.
        dead_letters: (service, reason) -> how many were injected.
        tell: hears the report.
        kills: how often each service was killed.
        uncalled_for: services that ended though nobody killed them.
    """

    stack: Stack
    rate: float
    tell: Callable[[str], None]
    sending_at_kills: int = 0
    dead_letters: Counter[tuple[str, str]] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    uncalled_for: list[str] = field(default_factory=list)
    _load: Child | None = None
    _runs: int = 0
    _put_away: set[str] = field(default_factory=set)

    @property
    def services(self) -> tuple[str, ...]:
        """The services with a database."""
        return tuple(name for name in self.stack.services if name in DATABASE_OWNERS)

    def url_of(self, service: str) -> str:
        """Write the address of a service's database for its superuser."""
        return self.stack.postgres.url(f"otklik_{service}")

    async def broker(self) -> Client:
        """Connect to the broker as its administrator."""
        return await connect(
            self.stack.ports.nats_url, self.stack.secrets.nats_password(ADMINISTRATOR)
        )

    # The load.

    def begin_load(self) -> None:
        """Start a load generator with a ledger of its own."""
        self._runs += 1
        place = self.stack.place
        command = [
            *(sys.executable, "-m", "tests.chaos.load", "--home", str(place.path)),
            *("--base", str(self.stack.ports.base), "--ledger", str(self._ledger(self._runs))),
            *("--rate", str(self.rate), "--seed", str(self._runs)),
        ]
        self._load = Child(
            name=LOAD,
            command=command,
            environment=self.stack.environments.tool(),
            home=place,
            directory=ROOT,
        )
        self._load.spawn()

    async def end_load(self) -> None:
        """Let the load generator bring to an end what it has begun."""
        if self._load is None:
            return
        load, self._load = self._load, None
        if load.pid is not None:
            os.kill(load.pid, signal.SIGTERM)
        if await load.wait_end(seconds=LOAD_ENDS_SECONDS) != 0:
            self.uncalled_for.append(f"the load generator, see {load.log}")

    def attempts(self) -> list[ledgers.Attempt]:
        """Read what was attempted so far."""
        files = (self._ledger(number) for number in range(1, self._runs + 1))
        return ledgers.read(path for path in files if path.exists())

    async def flowing(self, count: int, *, seconds: float = 90) -> float:
        """Wait until all ways are open again; return how long that took.

        That is: so many more messages were acknowledged at the doors, and as many more mails left.
        """
        began = time.monotonic()
        acknowledged, left = count + self._acknowledged(), count + self._mails()
        async with asyncio.timeout(seconds):
            while self._acknowledged() < acknowledged or self._mails() < left:  # noqa: ASYNC110 - other processes' ledgers
                await asyncio.sleep(0.2)
        return time.monotonic() - began

    def _acknowledged(self) -> int:
        return sum(one.outcome is ledgers.Outcome.ACKNOWLEDGED for one in self.attempts())

    def _mails(self) -> int:
        return mails(self.stack.place.mailbox).total()

    def _ledger(self, number: int) -> Path:
        return self.stack.place.path / f"ledger-{number}.jsonl"

    # Deaths.

    async def kill(self, service: str) -> None:
        """Kill a service with -9."""
        self.require_alive(service)
        await self.stack.kill(service)
        await self.died(service)

    def require_alive(self, name: str) -> None:
        """Write down that a process ended though nobody killed it, if it did."""
        child = self.stack.children[name]
        if child.pid is None:
            self.uncalled_for.append(f"{name} with exit status {child.exit_status}")

    async def died(self, service: str) -> None:
        """Write down that a service was killed, before it is started again."""
        self.kills[service] += 1
        if service == "notify":
            self.sending_at_kills += await self._sending()

    async def _sending(self) -> int:
        connection = await asyncpg.connect(self.url_of("notify"), timeout=10)
        try:
            count: int = await connection.fetchval(
                "select count(*) from deliveries where state = 'sending'"
            )
        finally:
            await connection.close()
        return count

    async def put_away(self, name: str) -> None:
        """Stop a process in order and leave it so to the end."""
        await self.stack.stop(name)
        self._put_away.add(name)

    async def heal(self) -> None:
        """Start whatever is down, and write down what should not have been."""
        wanted = [name for name in self.stack.children if name not in self._put_away]
        for name in wanted:
            self.require_alive(name)
            if self.stack.children[name].pid is None:
                self.stack.spawn(name)
        for name in wanted:
            await self.stack.wait_ready(name)

    # The judgement.

    async def judge(
        self,
        title: str,
        *,
        seconds: float,
        facts: Mapping[str, object],
        stuck_seconds: float = STUCK_SECONDS,
    ) -> Verdict:
        """End the load, let everything drain, and judge the whole run so far.

        Args:
            title: of the report.
            seconds: how long draining may take.
            facts: what else the report tells.
            stuck_seconds: how long nothing may change before draining counts as ended.
        """
        await self.end_load()
        await self.heal()
        drained = await self._drain(seconds, stuck_seconds)
        readings = await collect(self.url_of, self.services, self.stack.place.mailbox)
        allowed = Allowed(sending_at_kills=self.sending_at_kills, dead_letters=self.dead_letters)
        verdict = check(self.attempts(), readings, allowed)
        verdict = Verdict(
            counts=verdict.counts,
            violations=(
                *verdict.violations,
                *((f"not drained: {drained.left}",) if drained.left else ()),
                *(f"ended uncalled for: {name}" for name in self.uncalled_for),
            ),
        )
        told = {"drained after": f"{drained.seconds:.1f} s", "kills": sum(self.kills.values())}
        self.tell(report.table(title, verdict, {**facts, **told}))
        if not verdict.green:
            self.tell(f"  logs and ledgers are kept in {self.keep(title)}")
        return verdict

    def keep(self, title: str) -> Path:
        """Keep what tells why a run was red; the next run of that name replaces it."""
        kept = KEPT / title.replace(" ", "-")
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.stack.place.logs, kept)
        for path in self.stack.place.path.glob("ledger-*.jsonl"):
            shutil.copy(path, kept)
        return kept

    async def _drain(self, seconds: float, stuck_seconds: float) -> Drained:
        client = await self.broker()
        try:
            return await drain(
                self.url_of, self.services, client, seconds=seconds, stuck_seconds=stuck_seconds
            )
        finally:
            await client.close()


OpenWorld = Callable[..., AbstractAsyncContextManager[World]]
"""Opens a world by name, with the choices of `world`."""


@asynccontextmanager
async def world(
    home: Path,
    *,
    services: tuple[str, ...] = (),
    runtime: Path | None = None,
    rate: float = 10.0,
    base: int | None = None,
    tell: Callable[[str], None] = print,
) -> AsyncIterator[World]:
    """Start everything, load the seed, and stop everything in the end.

    Args:
        home: the folder of the stack.
        services: those to start; every one with a database unless given.
        runtime: a folder with another `otklik_runtime`, for the services to use.
        rate: messages a second.
        base: the first of the ports; a free block is found unless given.
        tell: hears the report.
    """
    names = services or tuple(name for name in services_here() if name in DATABASE_OWNERS)
    stack = Stack(
        home=home,
        ports=Ports(base or free_base()),
        services=names,
        tools=("mailbox", "issuer"),
        administrator=True,
        telemetry_endpoint="",
        further={name: _further(name, runtime) for name in names},
    )
    async with stack:
        await stack.up()
        await seed(stack)
        made = World(stack=stack, rate=rate, tell=tell)
        try:
            yield made
        except BaseException:
            tell(f"  logs and ledgers are kept in {made.keep(home.name)}")
            raise
        finally:
            await made.end_load()


def _further(service: str, runtime: Path | None) -> Mapping[str, str]:
    path = {} if runtime is None else {"PYTHONPATH": os.pathsep.join((str(runtime), str(ROOT)))}
    return {**HASTE.get(service, {}), **path}
