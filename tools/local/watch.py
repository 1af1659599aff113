"""Looks after the running children: one that dies is shown and started again."""

import asyncio

from tools.local.stack import Stack

LOOK_SECONDS = 0.5
MOST_RESTARTS = 5
SHOWN_LINES = 6


async def watch(stack: Stack) -> None:
    """Restart children that end by themselves, until cancelled."""
    restarts: dict[str, int] = {}
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        for name, child in stack.children.items():
            if child.exit_status is None or restarts.get(name, 0) >= MOST_RESTARTS:
                continue
            restarts[name] = restarts.get(name, 0) + 1
            again = restarts[name] < MOST_RESTARTS
            stack.progress.say(
                _told(name, child.exit_status, child.last_lines(SHOWN_LINES), again=again)
            )
            if again:
                await asyncio.sleep(restarts[name] - 1)
                stack.spawn(name)


def _told(name: str, status: int, lines: str, *, again: bool) -> str:
    said = "\n".join(f"      {line}" for line in lines.splitlines())
    what = "it is started again" if again else "it ended too often and stays down"
    return f"  {name} ended with exit status {status}; {what}. Its last lines:\n{said}"
