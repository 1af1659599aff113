"""The pytest plugin of the project: real servers, fresh databases, marks set by folder.

Installed as a `pytest11` entry point, so that every member has the same fixtures without importing
anybody's conftest. The servers start when the first test asks for them and end with the session.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client

from otklik_runtime.testing.nats import NatsServer
from otklik_runtime.testing.postgres import PostgresServer
from otklik_runtime.testing.process import runs

FOLDERS = ("unit", "integration", "journey", "chaos", "browser", "bench", "deploy")
NUMBERS = count(1)
PREFIX = "otklik-tests-"

DatabaseMaker = Callable[[], Awaitable[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test with the folder it lives in, and skip what needs absent system packages."""
    for item in items:
        for folder in FOLDERS:
            if folder in item.path.parts:
                item.add_marker(folder)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that names system commands which are not there, and say which."""
    for mark in item.iter_markers("system"):
        missing = [name for name in mark.args if shutil.which(name) is None]
        if missing:
            pytest.skip(f"needs {', '.join(missing)} from the system")


@pytest.fixture(scope="session")
def servers_directory() -> Iterator[Path]:
    """Give the session's servers a folder that an unprivileged account can reach."""
    _remove_leftovers()
    directory = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(servers_directory: Path) -> Iterator[PostgresServer]:
    """Run one PostgreSQL for the whole session; do not stop it, take `own_postgres_server`."""
    server = PostgresServer(directory=servers_directory / "postgres", durable=False)
    _run(server.start())
    yield server
    _run(server.remove())


@pytest.fixture(scope="session")
def nats_server(servers_directory: Path) -> Iterator[NatsServer]:
    """Run one nats-server for the whole session; do not stop it, take `own_nats_server`."""
    server = NatsServer(directory=servers_directory / "nats")
    _run(server.start())
    yield server
    _run(server.remove())


@pytest.fixture
async def own_postgres_server(servers_directory: Path) -> AsyncIterator[PostgresServer]:
    """Run a PostgreSQL that this test alone may stop, kill and restart."""
    server = PostgresServer(
        directory=servers_directory / f"postgres-{next(NUMBERS)}", durable=False
    )
    await server.start()
    yield server
    await server.remove()


@pytest.fixture
async def own_nats_server(servers_directory: Path) -> AsyncIterator[NatsServer]:
    """Run a nats-server that this test alone may stop, kill, wipe and restart."""
    server = NatsServer(directory=servers_directory / f"nats-{next(NUMBERS)}")
    await server.start()
    yield server
    await server.remove()


@pytest.fixture
async def make_database(postgres_server: PostgresServer) -> AsyncIterator[DatabaseMaker]:
    """Make as many empty databases as the test calls for; all are dropped afterwards."""
    names: list[str] = []

    async def make() -> str:
        names.append(f"test_{next(NUMBERS)}")
        return await postgres_server.create_database(names[-1])

    yield make
    for name in names:
        await postgres_server.drop_database(name)


@pytest.fixture
async def database_url(make_database: DatabaseMaker) -> str:
    """Make one empty database for this test and give its address (`postgresql://...`)."""
    return await make_database()


@pytest.fixture
async def nats_url(nats_server: NatsServer) -> AsyncIterator[str]:
    """Give the address of a nats-server without streams; streams made by the test are deleted."""
    yield nats_server.url
    client = await nats.connect(nats_server.url)
    stream_manager = client.jsm()
    for stream in await stream_manager.streams_info():
        await stream_manager.delete_stream(stream.config.name or "")
    await client.close()


@pytest.fixture
async def nats_client(nats_url: str) -> AsyncIterator[Client]:
    """Connect to a nats-server without streams."""
    client = await nats.connect(nats_url)
    yield client
    await client.close()


def _remove_leftovers() -> None:
    """End and delete the servers of sessions that were killed before they could."""
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        session = directory.name.removeprefix(PREFIX).partition("-")[0]
        if directory.lstat().st_uid != os.geteuid() or runs(int(session), told=""):
            continue
        for kept in directory.glob("postgres*"):
            _run(PostgresServer(directory=kept).remove())
        for kept in directory.glob("nats*"):
            _run(NatsServer(directory=kept).remove())
        shutil.rmtree(directory, ignore_errors=True)


def _run(action: Coroutine[object, object, None]) -> None:
    """Run to the end in a thread, whatever event loop this thread may have."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, action).result()
