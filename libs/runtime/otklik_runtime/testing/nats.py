"""A real nats-server of one's own, from a wheel, as a child process, with JetStream that syncs.

The local stack and the tests use the same class. JetStream always runs with
`sync_interval: always`: without it the server acknowledges what it has not yet written.
"""

import asyncio
import json
import os
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from otklik_runtime.testing.binaries import nats_program
from otklik_runtime.testing.process import (
    POLL_SECONDS,
    ServerDidNotStart,
    ServerProcess,
    require_free_port,
    require_room,
    runs,
    until_gone,
)

# `max_control_line` and the rest keep the server's defaults: tests must meet what production meets.
CONFIGURATION = """\
server_name: {name}
listen: "127.0.0.1:{port}"
{monitor}pid_file: {pid_file}
ports_file_dir: {directory}
jetstream {{
  store_dir: {store}
  sync_interval: {sync_interval}
}}
{further}
"""


@dataclass(kw_only=True)
class NatsServer:
    """One nats-server in one directory; start it again and it has the same streams and port.

    Args:
        directory: where the store, the configuration and the log are kept.
        port: the port to listen on; 0 takes a free one at the first start and keeps it.
        configuration: further text for the configuration file: users, permissions, limits.
        monitor_port: the port of the HTTP monitoring pages; none unless given, 0 takes a free one.
        name: the server's name, which a cluster wants to be unique.
        sync_interval: when JetStream writes through; only a comparison takes anything but `always`.
    """

    directory: Path
    port: int = 0
    configuration: str = ""
    monitor_port: int | None = None
    name: str = "otklik"
    sync_interval: str = "always"
    _ports: dict[str, list[str]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """Settle where everything is; nothing is started or written yet but the directory."""
        self.directory = self.directory.absolute()
        self.directory.mkdir(parents=True, exist_ok=True)
        self._process = ServerProcess(
            name="nats-server",
            directory=self.directory,
            log=self.directory / "nats.log",
        )

    @property
    def store(self) -> Path:
        """The folder of JetStream's files."""
        return self.directory / "store"

    @property
    def log(self) -> Path:
        """The server's log of its last start."""
        return self._process.log

    @property
    def url(self) -> str:
        """The address for clients without credentials."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process id of the running server, also of one that another process started."""
        if self._process.pid is not None:
            return self._process.pid
        try:
            pid = int((self.directory / "nats.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if runs(pid, told=str(self.directory)) else None

    async def start(self, *, seconds: float = 20) -> None:
        """Start the server and return when it takes connections.

        Raises:
            PortBusy: another program has the port.
            DiskFull: there is no room for the store.
            ServerDidNotStart: anything else, with the end of the server's log.
        """
        if self.pid is not None:
            raise ServerDidNotStart(
                f"nats-server already runs in {self.directory} (process {self.pid}): stop it first",
            )
        require_room("nats-server", self.directory)
        for port in filter(None, (self.port, self.monitor_port)):
            require_free_port("nats-server", port)
        for left_behind in self.directory.glob("*.ports"):
            left_behind.unlink()
        self._process.spawn([nats_program(), "-c", self._write_configuration()])
        await self._process.wait_ready(self._is_ready, port=self.port, seconds=seconds)
        self.port = _port_of(self._ports["nats"])
        if self.monitor_port is not None:
            self.monitor_port = _port_of(self._ports["monitoring"])

    async def stop(self) -> None:
        """Stop in order."""
        pid = self.pid
        if pid is None:
            return
        if self._process.pid is None:  # another process started it
            os.kill(pid, signal.SIGINT)
            await until_gone([pid], told=str(self.directory))
        elif not await self._process.end(signal.SIGINT, seconds=20):
            await self.kill()

    async def kill(self) -> None:
        """Kill the server as if the machine had lost it (kill -9)."""
        pid = self.pid
        if pid is not None and self._process.pid is None:
            os.kill(pid, signal.SIGKILL)
        await self._process.kill()

    async def restart(self) -> None:
        """Stop and start on the same store and port."""
        await self.stop()
        await self.start()

    async def reload(self, configuration: str) -> None:
        """Replace the further configuration of the running server: users, permissions, limits."""
        self.configuration = configuration
        self._write_configuration()
        pid = self.pid
        if pid is None:
            raise ServerDidNotStart("nats-server does not run, so it cannot reload")
        already = self._log_count()
        os.kill(pid, signal.SIGHUP)
        async with asyncio.timeout(10):
            while self._log_count() == already:
                await asyncio.sleep(POLL_SECONDS)

    def wipe(self) -> None:
        """Delete every stream and consumer of the stopped server: a broker that lost its disk."""
        shutil.rmtree(self.store, ignore_errors=True)

    async def remove(self) -> None:
        """Kill the server and delete everything it kept."""
        await self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _write_configuration(self) -> Path:
        monitor = (
            "" if self.monitor_port is None else f'http: "127.0.0.1:{self.monitor_port or -1}"\n'
        )
        path = self.directory / "nats.conf"
        # It may hold passwords.
        path.touch(mode=0o600)
        path.write_text(
            CONFIGURATION.format(
                name=self.name,
                port=self.port or -1,
                monitor=monitor,
                pid_file=json.dumps(str(self.directory / "nats.pid")),
                directory=json.dumps(str(self.directory)),
                store=json.dumps(str(self.store)),
                further=self.configuration,
                sync_interval=self.sync_interval,
            ),
        )
        return path

    def _ports_file(self, pid: int) -> Path:
        return self.directory / f"nats-server_{pid}.ports"

    def _is_ready(self) -> bool:
        pid = self._process.pid
        if pid is None:
            return False
        try:
            self._ports = json.loads(self._ports_file(pid).read_text())
        except (FileNotFoundError, json.JSONDecodeError):  # not there yet, or half written
            return False
        return True

    def _log_count(self) -> int:
        """Count the answers to a reload: applied or refused."""
        text = self.log.read_text(errors="replace")
        return text.count("Reloaded server configuration") + text.count("Failed to reload")


def _port_of(addresses: list[str]) -> int:
    port = urlsplit(addresses[0]).port
    if port is None:
        raise ServerDidNotStart(f"nats-server named no port: {addresses}")
    return port
