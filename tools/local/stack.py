"""All of Otklik as child processes: started in order, watched, killed and restarted at will.

The command line uses it with the folder `.run` and the usual ports; a test makes its own::

    async with Stack(home=tmp_path / "run", ports=Ports(free_base())) as stack:
        await stack.up()
        await seed.load(stack)
        await stack.kill("sla")
        await stack.start("sla", OTKLIK_FAILPOINT="inbox.after_commit")
"""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx

from otklik_ops import permissions
from otklik_ops.flows import contracted
from otklik_runtime import migrations
from otklik_runtime.testing.nats import NatsServer
from otklik_runtime.testing.postgres import PostgresServer
from otklik_runtime.testing.process import ServerDidNotStart
from tools.local.child import READY_SECONDS, Child, end_left_behind, forget, record
from tools.local.databases import make_databases
from tools.local.environment import DATABASE_OWNERS, Environments, database_of
from tools.local.failures import ChildNotReady, PortTaken, StackFailed
from tools.local.home import ROOT, Home
from tools.local.port_holder import holder_of
from tools.local.ports import Ports, is_free
from tools.local.processes import PROVISIONER, Processes, services_here, tools_here
from tools.local.progress import Progress, Silent
from tools.local.secrets import Secrets
from tools.local.together import together

STOP_SECONDS = 15
MIGRATE_SECONDS = 120
FACTS = "stack.json"


@dataclass(kw_only=True)
class Stack:
    """One running Otklik.

    Args:
        home: the folder of its state; kept between runs.
        ports: where everything listens.
        services: which services to start; all unless given.
        tools: which of the receiver of traces, the mailbox and the issuer to start.
        administrator: adds a NATS user who may do everything, for tests that break the broker.
        durable: whether PostgreSQL survives a power cut.
        trace_ratio: the share of traces kept.
        telemetry_endpoint: where spans go instead of the stack's own receiver.
        further: more environment variables for a service, by service.
        progress: told what is being started.
    """

    home: Path = ROOT / ".run"
    ports: Ports = field(default_factory=Ports)
    services: Sequence[str] = field(default_factory=services_here)
    tools: Sequence[str] = field(default_factory=tools_here)
    administrator: bool = False
    durable: bool = True
    trace_ratio: float = 1.0
    telemetry_endpoint: str | None = None
    further: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    progress: Progress = field(default_factory=Silent)

    def __post_init__(self) -> None:
        """Settle where everything is; nothing is started or written."""
        self.place = Home(self.home.absolute())
        self.secrets = Secrets(self.place.secrets)
        self.environments = Environments(
            ports=self.ports,
            home=self.place,
            secrets=self.secrets,
            trace_ratio=self.trace_ratio,
            telemetry_endpoint=self.telemetry_endpoint,
            further=self.further,
        )
        self.http = httpx.AsyncClient(trust_env=False, timeout=5)
        self.children: dict[str, Child] = {}
        self._processes = Processes(
            ports=self.ports,
            home=self.place,
            secrets=self.secrets,
            environments=self.environments,
            http=self.http,
        )
        self._postgres: PostgresServer | None = None
        self._nats: NatsServer | None = None

    async def __aenter__(self) -> Self:
        """Use it as a context manager, so that nothing is left running."""
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Stop everything."""
        await self.down()
        await self.http.aclose()

    @property
    def postgres(self) -> PostgresServer:
        """The PostgreSQL of the stack, to stop, kill and restart."""
        if self._postgres is None:
            self._postgres = PostgresServer(
                directory=self.place.postgres, port=self.ports.postgres, durable=self.durable
            )
        return self._postgres

    @property
    def nats(self) -> NatsServer:
        """The broker of the stack, to stop, kill, wipe and restart."""
        if self._nats is None:
            self._nats = NatsServer(
                directory=self.place.nats,
                port=self.ports.nats,
                configuration=permissions.render(self._nats_users(), self.secrets.nats_password),
            )
        return self._nats

    async def up(self) -> None:
        """Start everything and return when all of it is ready.

        Raises:
            StackFailed: says what is in the way and what to do.
        """
        try:
            await self._prepare()
            await together(
                self._step("PostgreSQL", self.start_postgres),
                self._step("NATS", self.start_nats),
                *(self._step(name, self._starter(name)) for name in self.tools),
            )
            await together(
                self._step(PROVISIONER, self._starter(PROVISIONER)),
                *(self._step(name, self._migrated(name)) for name in self.services),
            )
        except ServerDidNotStart as reason:
            raise StackFailed(str(reason)) from reason

    async def down(self) -> None:
        """Stop everything in order: services, then tools, then servers."""
        services = [name for name in self.children if name in self.services]
        tools = [name for name in self.children if name in self.tools]
        # Whoever sends spans goes before whoever receives them.
        for names in (services, [PROVISIONER] if self.children else [], tools):
            await asyncio.gather(*(self.stop(name) for name in names))
        if self._nats is not None:
            await self.stop_nats()
        if self._postgres is not None:
            await self.stop_postgres()
        (self.place.path / FACTS).unlink(missing_ok=True)

    async def remove(self) -> None:
        """Stop everything and delete all that it kept, wherever it lies."""
        await self.down()
        await self.postgres.remove()
        shutil.rmtree(self.place.path, ignore_errors=True)

    async def start(self, name: str, **environment: str) -> None:
        """Start a child and return when it is ready.

        Args:
            name: a service, `provisioner`, `traces`, `mailbox` or `issuer`.
            **environment: further variables for this start only, such as OTKLIK_FAILPOINT.
        """
        self.spawn(name, **environment)
        await self.wait_ready(name)

    def spawn(self, name: str, **environment: str) -> None:
        """Start a child without waiting for it."""
        self.children[name].spawn(environment)

    async def wait_ready(self, name: str, *, seconds: float = READY_SECONDS) -> None:
        """Return when a child is ready."""
        await self.children[name].wait_ready(seconds=seconds)

    async def stop(self, name: str) -> None:
        """End a child in order."""
        if not await self.children[name].stop(seconds=STOP_SECONDS):
            self.progress.say(f"  {name} did not end in {STOP_SECONDS} s and was killed")

    async def kill(self, name: str) -> None:
        """Kill a child with -9."""
        await self.children[name].kill()

    async def restart(self, name: str, **environment: str) -> None:
        """Stop a child in order and start it again."""
        await self.stop(name)
        await self.start(name, **environment)

    async def migrate(self, service: str) -> None:
        """Bring a service's database up to date, as a job of its own.

        Raises:
            ChildDied: the migration failed; the message has its last lines.
            ChildNotReady: it does not end.
        """
        job = self._processes.migration(service)
        job.spawn()
        try:
            if await job.wait_end(seconds=MIGRATE_SECONDS) != 0:
                raise job.died()
        except TimeoutError as reason:
            raise ChildNotReady(
                job.name,
                seconds=MIGRATE_SECONDS,
                why="another process may hold a lock in its database",
                log=job.log,
            ) from reason
        finally:
            await job.kill()

    async def start_postgres(self) -> None:
        """Start PostgreSQL and make what the services need in it."""
        await self.postgres.start()
        self._record("postgres", self.postgres.pid, told=str(self.postgres.data))
        await make_databases(self.postgres, self.secrets)

    async def stop_postgres(self) -> None:
        """Stop PostgreSQL in order."""
        await self.postgres.stop()
        forget(self.place, "postgres")

    async def start_nats(self) -> None:
        """Start the broker with its users."""
        await self.nats.start()
        self._record("nats", self.nats.pid, told=str(self.nats.directory))

    async def stop_nats(self) -> None:
        """Stop the broker in order."""
        await self.nats.stop()
        forget(self.place, "nats")

    def require_ports(self) -> None:
        """Refuse to begin when somebody else listens where we must.

        Raises:
            PortTaken: names each port, who needs it and who has it.
        """
        taken = [
            (port, needs, holder_of(port)) for port, needs in self.ports.all() if not is_free(port)
        ]
        if taken:
            raise PortTaken(taken)

    async def _prepare(self) -> None:
        self.place.prepare()
        for name in await end_left_behind(self.place):
            self.progress.say(f"  {name} of an earlier run was still there and was ended")
        self.require_ports()
        self.secrets.make(
            nats_users=(user.name for user in self._nats_users()),
            database_roles=(database_of(owner) for owner in DATABASE_OWNERS),
        )
        self.children = {
            PROVISIONER: self._processes.provisioner(),
            **{name: self._processes.tool(name) for name in self.tools},
            **{name: self._processes.service(name) for name in self.services},
        }
        self.place.remember(FACTS, {"base": self.ports.base, "pid": os.getpid()})

    async def _step(self, name: str, action: Callable[[], Awaitable[None]]) -> None:
        self.progress.begin(name)
        await action()
        self.progress.end(name)

    def _starter(self, name: str) -> Callable[[], Awaitable[None]]:
        return lambda: self.start(name)

    def _migrated(self, name: str) -> Callable[[], Awaitable[None]]:
        async def start() -> None:
            if name in DATABASE_OWNERS and await self._lacks_migrations(name):
                await self.migrate(name)
            await self.start(name)

        return start

    async def _lacks_migrations(self, name: str) -> bool:
        """Ask the database first: a job that finds nothing to do costs a second all the same."""
        url = self.environments.database_url(name)
        return bool(await migrations.missing(url, f"otklik_{name}"))

    def _nats_users(self) -> tuple[permissions.User, ...]:
        users = permissions.development(contracted())
        return (*users, permissions.administrator()) if self.administrator else users

    def _record(self, name: str, pid: int | None, *, told: str) -> None:
        if pid is not None:
            record(self.place, name, pid, told=told)
