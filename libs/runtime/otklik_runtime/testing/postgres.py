"""A real PostgreSQL of one's own, from a wheel, as a child process.

The local stack and the tests use the same class. It listens on 127.0.0.1 only and keeps its data in
a private folder. Without a superuser's password it trusts everyone on the loopback, which is right
for a test; with one, every role must know its own, as on a cluster.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import asyncpg

from otklik_runtime.testing.binaries import data_home, postgres_programs, unprivileged_account
from otklik_runtime.testing.process import (
    PortBusy,
    ServerDidNotStart,
    ServerProcess,
    children_of,
    free_port,
    require_free_port,
    require_room,
    runs,
    until_gone,
    why_not,
)

SUPERUSER = "postgres"
READY_LINE = 7  # the eighth line of postmaster.pid says what the server is doing
INITDB_SECONDS = 60
PORT_ATTEMPTS = 5

# Words are Unicode words for trigrams and full text whatever the machine's locale is.
LOCALE = (
    "--locale=C",
    f"--lc-ctype={'C.UTF-8' if sys.platform == 'linux' else 'en_US.UTF-8'}",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)
# A test survives kill -9 of the server without fsync; a power cut ends the test anyway.
NOT_DURABLE = MappingProxyType({"fsync": "off", "full_page_writes": "off"})


@dataclass(kw_only=True)
class PostgresServer:
    """One PostgreSQL server in one directory; start it again and it has the same data and port.

    Args:
        directory: where the log and (if the server's account can reach it) the data are kept.
        port: the port to listen on; 0 takes a free one at the first start and keeps it.
        settings: further server settings, as in postgresql.conf.
        durable: whether a commit survives a power cut; tests may do without.
        password: the superuser's; given at the first start, every role needs its own from then on.
    """

    directory: Path
    port: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    durable: bool = True
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Settle where everything is; nothing is started or written yet but the directory."""
        self.directory = self.directory.absolute()
        self.directory.mkdir(parents=True, exist_ok=True)
        account = unprivileged_account()
        self._home = data_home(self.directory, account)
        self._process = ServerProcess(
            name="PostgreSQL",
            directory=self._home,
            log=self.directory / "postgres.log",
            account=account,
        )

    @property
    def data(self) -> Path:
        """The data folder; its owner alone may read it."""
        return self._home / "data"

    @property
    def log(self) -> Path:
        """The server's log of its last start."""
        return self._process.log

    @property
    def pid(self) -> int | None:
        """The process id of the running server, also of one that another process started."""
        if self._process.pid is not None:
            return self._process.pid
        lines = self._pid_file()
        pid = int(lines[0]) if lines and lines[0].isdigit() else 0
        return pid if pid and runs(pid, told=str(self.data)) else None

    def url(self, database: str = "postgres", *, user: str = SUPERUSER, password: str = "") -> str:
        """Write the address of a database: `postgresql://user:password@127.0.0.1:port/database`."""
        password = password or (self.password if user == SUPERUSER else "")
        secret = f":{quote(password, safe='')}" if password else ""
        return f"postgresql://{quote(user, safe='')}{secret}@127.0.0.1:{self.port}/{database}"

    async def start(self, *, seconds: float = 30) -> None:
        """Start the server, creating its data the first time, and return when it takes connections.

        Raises:
            PortBusy: another program has the port.
            DiskFull: there is no room for the data.
            ServerDidNotStart: anything else, with the end of the server's log.
        """
        if self.pid is not None:
            raise ServerDidNotStart(
                f"PostgreSQL already runs in {self._home} (process {self.pid}): stop it first",
            )
        require_room("PostgreSQL", self._home)
        programs = postgres_programs(self._process.account)
        if not (self.data / "PG_VERSION").exists():
            await asyncio.to_thread(self._initialise, programs)
        # A port found free may be taken before the server has it: only then is another one tried.
        attempts = 1 if self.port else PORT_ATTEMPTS
        for attempt in range(1, attempts + 1):
            port = self.port or free_port()
            try:
                await self._launch(programs, port, seconds=seconds)
            except PortBusy:
                if attempt == attempts:
                    raise
            else:
                self.port = port
                return

    async def stop(self) -> None:
        """Stop in order: running statements are cut off, everything committed is kept."""
        await self._end(signal.SIGINT)

    async def kill(self) -> None:
        """Kill the server and all of its backends as if the machine had lost them (kill -9).

        The parent is frozen first, so that it cannot start a new child while they are counted.
        """
        pid = self.pid
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
        backends = children_of(pid)
        for process in (pid, *backends):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        await self._process.kill()
        await until_gone((pid, *backends), told="postgres")

    async def restart(self) -> None:
        """Stop and start on the same data and port."""
        await self.stop()
        await self.start()

    async def remove(self) -> None:
        """Kill the server and delete everything it kept."""
        await self.kill()
        shutil.rmtree(self._home, ignore_errors=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    async def execute(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as the superuser, each in its own transaction."""
        connection = await asyncpg.connect(self.url(database), timeout=10)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def create_database(self, name: str, *, owner: str = "", template: str = "") -> str:
        """Create a database and return its address as the superuser sees it.

        An owned database admits its owner alone.
        """
        owned = f' owner "{owner}"' if owner else ""
        copied = f' template "{template}"' if template else ""
        await self.execute(f'create database "{name}"{owned}{copied}')
        if owner:
            await self.execute(f'revoke all on database "{name}" from public')
        return self.url(name)

    async def drop_database(self, name: str) -> None:
        """Drop a database, cutting off whoever is still connected to it."""
        await self.execute(f'drop database if exists "{name}" with (force)')

    async def create_role(self, name: str, *, password: str) -> None:
        """Create a role that may log in and nothing more."""
        secret = password.replace("'", "''")
        await self.execute(f"create role \"{name}\" login password '{secret}'")

    async def _launch(self, programs: Path, port: int, *, seconds: float) -> None:
        require_free_port("PostgreSQL", port)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        self._process.spawn([programs / "postgres", "-D", self.data, *self._options(port)])
        await self._process.wait_ready(self._is_ready, port=port, seconds=seconds)

    def _options(self, port: int) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **({} if self.durable else NOT_DURABLE),
            **self.settings,
        }
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _initialise(self, programs: Path) -> None:
        account = self._process.account
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        secret = self._home / "superuser"
        secret.touch(mode=0o600)
        secret.write_text(f"{self.password}\n")
        if account is not None:
            os.chown(self.data, account.uid, account.gid)
            os.chown(secret, account.uid, account.gid)
        access = (
            ["--auth=scram-sha-256", f"--pwfile={secret}"] if self.password else ["--auth=trust"]
        )
        options = ["-U", SUPERUSER, "--encoding=UTF8", "--no-sync", *LOCALE]
        made = subprocess.run(
            [programs / "initdb", "-D", self.data, *options, *access],
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=INITDB_SECONDS,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        secret.unlink()
        if made.returncode != 0:
            output = (made.stdout + made.stderr).decode(errors="replace")
            shutil.rmtree(self.data, ignore_errors=True)
            raise why_not("PostgreSQL", output, port=self.port, directory=self._home)

    async def _end(self, number: signal.Signals) -> None:
        pid = self.pid
        if pid is None:
            return
        if self._process.pid is None:  # another process started it
            os.kill(pid, number)
            await until_gone([pid], told=str(self.data))
        elif not await self._process.end(number, seconds=20):
            await self.kill()

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _is_ready(self) -> bool:
        lines = self._pid_file()
        return len(lines) > READY_LINE and lines[READY_LINE].strip() == "ready"
