"""A broker with the development users, and connections as any of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client

from otklik_ops import permissions
from otklik_ops.flows import contracted
from otklik_ops.provisioner.broker import Broker
from otklik_ops.provisioner.definitions import definitions
from otklik_ops.provisioner.keeper import Keeper
from otklik_runtime.bus import Bus
from otklik_runtime.testing.nats import NatsServer

PASSWORD = "spare-the-broker"

ConnectAs = Callable[..., Awaitable[Client]]


@pytest.fixture
async def guarded_server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    users = (*permissions.development(contracted()), permissions.administrator())
    server = NatsServer(
        directory=tmp_path / "nats",
        configuration=permissions.render(users, lambda _: PASSWORD),
    )
    await server.start()
    yield server
    await server.remove()


@pytest.fixture
async def connect_as(guarded_server: NatsServer) -> AsyncIterator[ConnectAs]:
    async with AsyncExitStack() as stack:

        async def connect(user: str, errors: asyncio.Queue[str] | None = None) -> Client:
            async def keep(error: Exception) -> None:
                if errors is not None:
                    errors.put_nowait(str(error))

            client = await nats.connect(
                guarded_server.url,
                user=user,
                password=PASSWORD,
                inbox_prefix=permissions.inbox_prefix(user),
                error_cb=keep,
                allow_reconnect=False,
            )
            stack.push_async_callback(client.close)
            return client

        yield connect


@pytest.fixture
async def broker(guarded_server: NatsServer) -> AsyncIterator[Broker]:
    """Talk to the guarded server as the provisioner."""
    async with AsyncExitStack() as stack:
        bus = await Bus.open(guarded_server.url, stack, user="provisioner", password=PASSWORD)
        await bus.client()
        yield Broker(bus)


@pytest.fixture
def keeper(broker: Broker) -> Keeper:
    """Keep the guarded server right as the provisioner does."""
    return Keeper(broker, definitions(contracted(), replicas=1))
