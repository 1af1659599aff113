"""The world of these tests, and what is counted and shown in it."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

import pytest
from nats.aio.client import Client
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from libs.runtime.tests.events.world import World, close_peepholes, emptied, prepare
from otklik_runtime import subscription, telemetry
from otklik_runtime.testing.postgres import PostgresServer

NUMBERS = count(1)


@pytest.fixture(scope="session")
def free_databases() -> list[str]:
    """Keep databases for the next test: to empty one costs a tenth of making one."""
    return []


@pytest.fixture
async def make_url(
    postgres_server: PostgresServer, free_databases: list[str]
) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Give as many databases with the runtime's tables as the test calls for."""
    taken: list[str] = []

    async def make() -> str:
        if free_databases:
            taken.append(await emptied(free_databases.pop()))
        else:
            name = f"events_{next(NUMBERS)}"
            taken.append(await prepare(await postgres_server.create_database(name)))
        return taken[-1]

    yield make
    free_databases.extend(taken)


@pytest.fixture
async def world(
    nats_url: str, nats_client: Client, make_url: Callable[[], Awaitable[str]]
) -> AsyncIterator[World]:
    """Give an owner with its database and its stream, and a durable for one reader."""
    async with AsyncExitStack() as stack:
        world = World(stack=stack, nats_url=nats_url, client=nats_client, make_url=make_url)
        await world.open_owner()
        await world.make_stream()
        await world.make_durable()
        stack.push_async_callback(close_peepholes)
        yield world


@pytest.fixture(autouse=True)
def _soon_drained(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader ends when its present fetch does."""
    monkeypatch.setattr(subscription, "FETCH_SECONDS", 0.2)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what is counted, by name; each is still checked against its declaration."""
    counts: Counter[str] = Counter()
    original = telemetry.count

    def count(name: str, n: int = 1, **attributes: Any) -> None:
        original(name, n, **attributes)
        counts[name] += n

    monkeypatch.setattr(telemetry, "count", count)
    return counts


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Keep the spans that are ended while the test runs."""
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider(shutdown_on_exit=False)
        trace.set_tracer_provider(provider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield exporter
    exporter.shutdown()
