import asyncio
import os
import socket
import subprocess
import sys

import asyncpg
import pytest

from otklik_runtime.testing import binaries, process
from otklik_runtime.testing.postgres import PostgresServer
from otklik_runtime.testing.process import DiskFull, PortBusy, ServerDidNotStart


async def fetch(url, query):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_what_was_committed_survives_a_kill_and_a_start_on_the_same_port(own_postgres_server):
    url = own_postgres_server.url()
    await own_postgres_server.execute("create table kept (word text)")
    await own_postgres_server.execute("insert into kept values ('да')")
    before = own_postgres_server.pid

    await own_postgres_server.kill()
    await own_postgres_server.start()

    assert own_postgres_server.pid != before
    assert await fetch(url, "select word from kept") == "да"


async def test_a_kill_leaves_no_backend_at_work(own_postgres_server):
    connection = await asyncpg.connect(own_postgres_server.url())
    backend = await connection.fetchval("select pg_backend_pid()")
    sleeping = asyncio.create_task(connection.execute("select pg_sleep(60)"))

    await own_postgres_server.kill()

    with pytest.raises((asyncpg.PostgresError, ConnectionError, OSError)):
        await sleeping
    assert not process.runs(backend, told="postgres")
    assert own_postgres_server.pid is None


async def test_a_restart_keeps_the_data(own_postgres_server):
    await own_postgres_server.execute("create table kept (id int)")

    await own_postgres_server.restart()

    assert await fetch(own_postgres_server.url(), "select count(*) from kept") == 0


async def test_a_busy_port_is_named_in_a_sentence_that_says_what_to_do(tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        server = PostgresServer(directory=tmp_path, port=port)

        with pytest.raises(PortBusy, match=rf"port {port} is taken.*OTKLIK_PORT_BASE"):
            await server.start()

    await server.remove()


async def test_a_full_disk_is_named_in_a_sentence_that_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "SMALLEST_USEFUL_BYTES", 1 << 62)

    server = PostgresServer(directory=tmp_path)

    with pytest.raises(DiskFull, match=r"the disk that holds .* is full .*free at least"):
        await server.start()

    await server.remove()


async def test_a_wrong_setting_is_reported_with_the_servers_own_words(tmp_path):
    server = PostgresServer(directory=tmp_path, settings={"no_such_setting": "1"})

    with pytest.raises(ServerDidNotStart, match="no_such_setting"):
        await server.start()

    await server.remove()


async def test_a_second_server_on_the_same_directory_is_refused(own_postgres_server):
    twin = PostgresServer(directory=own_postgres_server.directory)

    with pytest.raises(ServerDidNotStart, match="already runs"):
        await twin.start()


async def test_a_server_that_another_process_started_can_be_stopped(tmp_path):
    starting = (
        "import asyncio, os, sys, pathlib\n"
        "from otklik_runtime.testing.postgres import PostgresServer\n"
        "asyncio.run(PostgresServer(directory=pathlib.Path(sys.argv[1]), durable=False).start())\n"
        "os._exit(0)\n"
    )
    await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", starting, str(tmp_path)], check=True
    )
    server = PostgresServer(directory=tmp_path)
    pid = server.pid
    assert pid is not None

    await server.stop()

    assert not process.runs(pid, told="postgres")
    await server.remove()


async def test_russian_words_have_trigrams_and_lower_case(database_url):
    connection = await asyncpg.connect(database_url)
    await connection.execute("create extension pg_trgm")

    similar = await connection.fetchval("select similarity('Обращение', 'обращения')")
    lower = await connection.fetchval("select lower('ЁЖ')")

    await connection.close()
    assert similar > 0.5
    assert lower == "ёж"


async def test_each_database_is_fresh(make_database):
    first, second = await make_database(), await make_database()

    assert first != second
    assert await fetch(second, "select count(*) from pg_tables where schemaname = 'public'") == 0


async def test_a_role_sees_what_it_owns_with_its_own_address(postgres_server):
    await postgres_server.create_role("keeper", password="it's secret")
    await postgres_server.create_database("kept_by_role", owner="keeper")

    url = postgres_server.url("kept_by_role", user="keeper", password="it's secret")

    assert await fetch(url, "select current_user") == "keeper"
    await postgres_server.drop_database("kept_by_role")
    await postgres_server.execute("drop role keeper")


async def test_with_a_password_every_role_needs_its_own_and_sees_its_own_database(tmp_path):
    server = PostgresServer(directory=tmp_path, durable=False, password="superuser's")
    await server.start()
    for name in ("keeper", "stranger"):
        await server.create_role(name, password=f"{name}'s")
    await server.create_database("kept", owner="keeper")

    assert await fetch(server.url("kept", user="keeper", password="keeper's"), "select 1") == 1
    with pytest.raises(asyncpg.InvalidPasswordError):
        await fetch(server.url("kept", user="keeper", password="guessed"), "select 1")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await fetch(server.url("kept", user="stranger", password="stranger's"), "select 1")
    await server.remove()


def test_another_postgresql_can_be_named(tmp_path, monkeypatch):
    monkeypatch.setenv("OTKLIK_PG_BINDIR", str(tmp_path))

    with pytest.raises(ServerDidNotStart, match="there is no `postgres` in it"):
        binaries.postgres_programs(None)

    (tmp_path / "postgres").touch()
    assert binaries.postgres_programs(None) == tmp_path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
async def test_root_runs_it_from_a_copy_when_the_checkout_cannot_be_reached(tmp_path, monkeypatch):
    monkeypatch.setattr(binaries, "_public_home", lambda: tmp_path)
    monkeypatch.setattr(binaries, "can_reach", lambda path, account: False)
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    server = PostgresServer(directory=tmp_path / "hidden", durable=False)

    await server.start()

    assert await fetch(server.url(), "select 1") == 1
    assert list(tmp_path.glob("postgres-*/*/pginstall/bin/postgres"))
    assert server.data.stat().st_mode & 0o077 == 0
    await server.remove()
