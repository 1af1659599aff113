"""Runs several things at once and stops all of them when one fails."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def together(*actions: Coroutine[Any, Any, None]) -> None:
    """Run all; the first failure ends the others and is raised as it is, not in a group."""
    tasks = [asyncio.ensure_future(action) for action in actions]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
