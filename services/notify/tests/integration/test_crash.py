"""Notify as a process of its own, killed at every step of sending, and started again."""

import asyncio
import email
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, text

from otklik_notify.adapters.tables import deliveries
from otklik_runtime import keys
from otklik_runtime.key_ring import KeyRing

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]

COUNT = 12
KILLED = 137
# Where, and at which passing.
STEPS = (
    "notify.before_sending_mark:1",
    "notify.after_sending_mark:1",
    "notify.after_server_accepted:1",
    "notify.after_server_accepted:4",
    "notify.before_result_commit:1",
    "notify.after_result_commit:1",
)


@pytest.fixture
def environment(database_url, nats_url, sink, tmp_path: Path) -> dict[str, str]:
    ring, own = tmp_path / "ring.json", tmp_path / "notify.pem"
    ring.write_text(KeyRing.generate())
    keys.save_private(keys.generate(), own)
    return {
        "OTKLIK_ENVIRONMENT": "development",
        "OTKLIK_DATABASE_URL": database_url,
        "OTKLIK_DATABASE_DIRECT_URL": database_url,
        "OTKLIK_NATS_URL": nats_url,
        "OTKLIK_NATS_USER": "notify",
        "OTKLIK_GRPC_PORT": "0",
        "OTKLIK_HTTP_PORT": "0",
        "OTKLIK_JWKS_URL": "http://127.0.0.1:1/jwks.json",
        "OTKLIK_IDENTITY_ADDRESS": "127.0.0.1:1",
        "OTKLIK_GRPC_ADDRESSES": ",".join(
            f"{owner}=127.0.0.1:1" for owner in ("tickets", "sla", "feedback", "intake")
        ),
        "OTKLIK_PRIVATE_KEY_FILE": str(own),
        "OTKLIK_KEY_RING_FILE": str(ring),
        "OTKLIK_DESK_PUBLIC_URL": "https://desk.example.com",
        "OTKLIK_FEEDBACK_PUBLIC_URL": "https://feedback.example.com",
        "OTKLIK_NOTIFY_SMTP_HOST": "127.0.0.1",
        "OTKLIK_NOTIFY_SMTP_PORT": str(sink.port),
        "OTKLIK_NOTIFY_SMTP_CONNECTIONS": "3",
        "OTKLIK_NOTIFY_LEASE_SECONDS": "2",
        "OTKLIK_DRAIN_SECONDS": "2",
    }


@asynccontextmanager
async def running(environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run notify until the block ends; its log goes where the test's own does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "otklik_notify", "serve", env=environment
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), 20)


@pytest.mark.parametrize("step", STEPS)
async def test_a_kill_loses_nothing_and_doubles_only_what_it_marks(
    step, environment, database, queue, sink
):
    queued = {
        (await queue(created_at=await real_now(database))).internet_message_id for _ in range(COUNT)
    }
    async with running({**environment, "OTKLIK_FAILPOINT": step}) as first:
        assert await asyncio.wait_for(first.wait(), 40) == KILLED
    in_flight = await count(database, "sending")
    async with running(environment), asyncio.timeout(40):
        while await count(database, "accepted") < COUNT:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)

    copies = Counter(
        str(email.message_from_bytes(mail.content)["Message-ID"]) for mail in sink.mails
    )
    doubled = {message_id for message_id, times in copies.items() if times > 1}
    assert set(copies) == queued
    assert len(doubled) <= in_flight
    assert doubled <= await in_doubt(database)
    async with database.read() as connection:
        events = await connection.scalar(text("select count(*) from events"))
    assert events == COUNT


async def real_now(database):
    async with database.read() as connection:
        return await connection.scalar(text("select clock_timestamp()"))


async def count(database, state: str) -> int:
    async with database.read() as connection:
        found = await connection.execute(select(deliveries.c.id).where(deliveries.c.state == state))
        return len(found.all())


async def in_doubt(database) -> set[str]:
    async with database.read() as connection:
        query = select(deliveries.c.internet_message_id).where(deliveries.c.in_doubt)
        return set((await connection.execute(query)).scalars())
