from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.chaos.world import OpenWorld, World, world


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Counts are worth reading even when all is well."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(text, flush=True)  # noqa: T201 - past the capture

    return say


@pytest.fixture
def open_world(servers_directory: Path, tell: Callable[[str], None]) -> OpenWorld:
    """Open a world by name: `async with open_world("broker") as hurt`."""

    def open_it(name: str, **choices: object) -> AbstractAsyncContextManager[World]:
        return world(servers_directory / f"chaos-{name}", tell=tell, **choices)

    return open_it
