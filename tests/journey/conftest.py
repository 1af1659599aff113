"""One running Otklik for all journeys of a session."""

from contextlib import AsyncExitStack

import pytest_asyncio
from rich.console import Console

from tools.local.callers import Callers
from tools.local.demo.play import open_stage
from tools.local.ports import Ports, free_base
from tools.local.seed import Seeder
from tools.local.stack import Stack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(servers_directory):
    async with AsyncExitStack() as opened:
        stack = await opened.enter_async_context(
            Stack(
                home=servers_directory / "journey",
                ports=Ports(free_base()),
                services=("intake", "tickets", "sla", "notify", "feedback"),
                durable=False,
                administrator=True,
            )
        )
        await stack.up()
        callers = await opened.enter_async_context(Callers(stack.ports, stack.secrets))
        await Seeder(callers=callers, place=stack.place).load(tuple(stack.services))
        yield await open_stage(stack, Console(quiet=True), "en", opened)
        await stack.remove()
