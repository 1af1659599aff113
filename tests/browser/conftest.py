import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright

from tests.browser.scene import Scene
from tests.browser.visitor import Visitor
from tools.local import seed
from tools.local.ports import Ports, free_base
from tools.local.stack import Stack

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SHARED = {"scope": "session", "loop_scope": "session"}

VisitorMaker = Callable[..., Awaitable[Visitor]]


@pytest_asyncio.fixture(**SHARED)
async def scene(servers_directory: Path) -> AsyncIterator[Scene]:
    """One Otklik for all browser tests, with the seed of the demo."""
    home = servers_directory / "browser"
    stack = Stack(home=home, ports=Ports(free_base()), durable=False)
    async with stack:
        await stack.up()
        await seed.load(stack)
        scene = Scene(stack)
        yield scene
        await scene.close()


@pytest_asyncio.fixture(**SHARED)
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(chromium: Browser, scene: Scene) -> AsyncIterator[VisitorMaker]:
    """Open windows: `await visit(locale="en-GB")`; each is checked when the test ends."""
    contexts: list[BrowserContext] = []
    visitors: list[Visitor] = []

    async def open_one(**choices: object) -> Visitor:
        usual = {"locale": "ru-RU", "timezone_id": "Europe/Moscow"}
        context = await chromium.new_context(**{**usual, **choices})
        context.set_default_timeout(20_000)
        contexts.append(context)
        visitors.append(
            await Visitor.open(scene.desk, context, issuer=scene.stack.ports.issuer_url)
        )
        return visitors[-1]

    yield open_one
    for context in contexts:
        await context.close()
    for visitor in visitors:
        visitor.require_calm()


@pytest.fixture(autouse=True)
def _needs_a_browser(request: pytest.FixtureRequest) -> None:
    """Say by the mark of each module what the system must have."""
    assert request.node.get_closest_marker("system")
