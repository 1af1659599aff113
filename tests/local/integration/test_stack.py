"""The stack without services: servers, users, databases, children, and what happens to them."""

import asyncio
import os
import socket
import subprocess
import sys

import asyncpg
import httpx
import nats
import pytest
import pytest_asyncio

from otklik_runtime.testing.process import until_gone
from tools.local.child import end_left_behind
from tools.local.failures import ChildDied, PortTaken
from tools.local.home import ROOT, Home
from tools.local.ports import Ports, free_base
from tools.local.stack import Stack

# Whole stacks start and stop here, on whatever machine this is.
pytestmark = pytest.mark.timeout(180)


def _a_stack(home):
    return Stack(
        home=home,
        ports=Ports(free_base()),
        services=(),
        tools=("issuer",),
        durable=False,
        telemetry_endpoint="",
    )


@pytest.fixture
async def stack(tmp_path):
    """A stack of the test's own, not started."""
    async with _a_stack(tmp_path / "run") as stack:
        yield stack
        await stack.remove()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory):
    """A running stack that these tests only look at."""
    async with _a_stack(tmp_path_factory.mktemp("running") / "run") as stack:
        await stack.up()
        yield stack
        await stack.remove()


async def test_what_was_started_is_ready_and_what_was_stopped_is_gone(stack):
    await stack.up()

    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{stack.ports.issuer_url}/readyz")
    assert answer.status_code == 200
    pid = stack.children["issuer"].pid

    await stack.down()

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert stack.postgres.pid is None
    assert stack.nats.pid is None


async def test_state_outlives_a_stop(stack):
    await stack.up()
    before = stack.secrets.nats_password("tickets"), stack.secrets.public_key_pem("partner")
    await stack.down()

    await stack.up()

    after = stack.secrets.nats_password("tickets"), stack.secrets.public_key_pem("partner")
    assert before == after


@pytest.mark.asyncio(loop_scope="module")
async def test_a_service_reaches_its_own_database_and_no_other(running):
    own = running.environments.database_url("sla")

    connection = await asyncpg.connect(own)
    await connection.execute("create table mine (id int)")
    await connection.close()

    foreign = own.removesuffix("otklik_sla") + "otklik_tickets"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(foreign)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(own.removesuffix("otklik_sla") + "postgres")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_role_without_its_password_is_refused(running):
    address = f"127.0.0.1:{running.ports.postgres}/otklik_sla"

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"postgresql://otklik_sla:guess@{address}")


@pytest.mark.asyncio(loop_scope="module")
async def test_the_provisioner_made_the_streams(running):
    password = running.secrets.nats_password("follow")
    client = await nats.connect(
        running.ports.nats_url, user="follow", password=password, inbox_prefix="_INBOX_follow"
    )
    answer = await client.request("$JS.API.STREAM.INFO.OTKLIK_TICKETS", b"", timeout=5)
    await client.close()

    assert b'"name":"OTKLIK_TICKETS"' in answer.data


@pytest.mark.asyncio(loop_scope="module")
async def test_secrets_are_for_their_owner_alone(running):
    modes = {path.stat().st_mode & 0o077 for path in running.place.secrets.iterdir()}
    assert modes == {0}
    assert running.place.secrets.stat().st_mode & 0o077 == 0


async def test_a_killed_child_can_be_started_again_with_another_environment(stack):
    await stack.up()

    await stack.kill("issuer")
    with pytest.raises(ChildDied, match="OTKLIK_ENVIRONMENT=development"):
        await stack.start("issuer", OTKLIK_ENVIRONMENT="production")
    await stack.start("issuer")

    assert stack.children["issuer"].pid is not None


async def test_a_taken_port_is_named_with_its_holder_and_the_remedy(stack):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", stack.ports.mailbox_smtp))
        holder.listen()

        with pytest.raises(PortTaken) as taken:
            await stack.up()

    assert f"port {stack.ports.mailbox_smtp}" in str(taken.value)
    assert f"(process {os.getpid()})" in str(taken.value)
    assert "OTKLIK_PORT_BASE" in str(taken.value)


async def test_children_of_a_killed_stack_are_found_and_ended(stack):
    await stack.up()
    running = {
        stack.children["issuer"].pid: "tools.local.issuer",
        stack.postgres.pid: str(stack.postgres.data),
        stack.nats.pid: str(stack.nats.directory),
    }

    ended = await end_left_behind(Home(stack.home))

    assert set(ended) == {"issuer", "nats", "postgres", "provisioner"}
    async with asyncio.timeout(10):
        for pid, told in running.items():
            await until_gone([pid], told=told)


async def test_down_from_another_terminal_stops_a_stack_in_the_foreground(tmp_path):
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT),
        "OTKLIK_RUN_DIR": str(tmp_path / "run"),
        "OTKLIK_PORT_BASE": str(free_base()),
    }
    command = [sys.executable, "-m", "tools.local"]
    up = await asyncio.create_subprocess_exec(
        *command, "up", "--services", "", env=environment, cwd=ROOT, stdout=subprocess.PIPE
    )
    async with asyncio.timeout(100):
        while b"stays up" not in await up.stdout.readline():
            assert up.returncode is None

    second = await asyncio.create_subprocess_exec(
        *command, "up", "--services", "", env=environment, cwd=ROOT, stderr=subprocess.PIPE
    )
    _, complaint = await second.communicate()
    down = await asyncio.create_subprocess_exec(*command, "down", env=environment, cwd=ROOT)

    assert second.returncode == 1
    assert f"already runs (process {up.pid})" in complaint.decode()
    assert await down.wait() == 0
    assert await up.wait() == 0
    assert list((tmp_path / "run/children").iterdir()) == []
