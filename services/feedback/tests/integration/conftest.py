"""A migrated database of feedback's own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime

import pytest

from otklik_runtime import migrations
from otklik_runtime.clock import FrozenClock
from otklik_runtime.database import Database


@pytest.fixture
def clock(now: datetime) -> FrozenClock:
    return FrozenClock(now)


@pytest.fixture
async def database(database_url: str, clock: FrozenClock) -> AsyncIterator[Database]:
    await migrations.upgrade(database_url, "otklik_feedback")
    async with AsyncExitStack() as stack:
        yield await Database.open(database_url, stack, service="feedback", clock=clock)
