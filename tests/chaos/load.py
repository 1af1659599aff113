"""The load generator: `python -m tests.chaos.load --home DIR --base 9600 --ledger FILE`.

A process of its own, so that what it knows is only what a stranger would know. It writes until it
is told to stop; then it brings what it has begun to an end, within a limit.
"""

import argparse
import asyncio
import random
import secrets
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.agents import Agent
from tests.chaos.doors import Door, Form, Mail, Partner, Refused, TryAgain
from tests.chaos.ledger import Attempt, Ledger, Outcome
from tools.local.callers import Callers
from tools.local.home import Home
from tools.local.ports import Ports
from tools.local.secrets import Secrets
from tools.local.seed import partner_name

PAUSES = (0.2, 0.5, 1.0, 2.0)
PATIENCE_SECONDS = 90
LAST_SECONDS = 20
# Some clients are never heard of again after an error: what they sent may have arrived or not.
GONE_SHARE = 0.1
AGENTS = ("dev-maria", "dev-daniel")


@dataclass(kw_only=True)
class Writer:
    """One client that sends one message after another."""

    name: str
    door_name: Callable[[], Awaitable[str]]
    door: Door
    ledger: Ledger
    chance: random.Random
    every_seconds: float
    stop: asyncio.Event
    _number: int = field(default=0, init=False)

    async def write(self) -> None:
        """Write until told to stop."""
        await asyncio.sleep(self.chance.random() * self.every_seconds)
        while not self.stop.is_set():
            try:
                door_name = await self.door_name()
            except TryAgain:
                door_name = ""
            if door_name:
                await self._hand_over(self.ledger.attempt(self.name, self._number, door_name))
                self._number += 1
            await self._pause(self.every_seconds * (0.5 + self.chance.random()))
        await self.door.close()

    async def _hand_over(self, attempt: Attempt) -> None:
        outcome, said = Outcome.UNKNOWN, ""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS) as patience:
                for number in range(1000):
                    if self.stop.is_set():
                        latest = asyncio.get_running_loop().time() + LAST_SECONDS
                        patience.reschedule(min(latest, patience.when() or latest))
                    try:
                        said = await self.door.send(attempt)
                    except TryAgain as error:
                        said = str(error)
                        if self.chance.random() < GONE_SHARE:
                            break
                        await asyncio.sleep(PAUSES[min(number, len(PAUSES) - 1)])
                    else:
                        outcome = Outcome.ACKNOWLEDGED
                        break
        except Refused as error:
            outcome, said = Outcome.REFUSED, str(error)
        except TimeoutError:
            said = f"no answer in time; last: {said}"
        self.ledger.outcome(attempt, outcome, said)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.stop.wait()
        except TimeoutError:
            return


async def write(home: Home, ports: Ports, ledger: Ledger, *, rate: float, seed: int) -> None:
    """Write with all writers until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with AsyncExitStack() as stack:
        callers = await stack.enter_async_context(Callers(ports, Secrets(home.secrets)))
        doors: list[tuple[str, str, Door]] = [
            *(("smtp", f"smtp{n}", Mail(ports=ports, chance=_chance(seed, n))) for n in range(3)),
            *(("http", f"http{n}", Form(ports=ports, chance=_chance(seed, n))) for n in range(2)),
            *(("grpc", f"grpc{n}", _partner(callers, home, _chance(seed, n))) for n in range(2)),
        ]
        every = (len(doors) + len(AGENTS)) / rate

        def writer(name: str, door: Door, door_name: Callable[[], Awaitable[str]]) -> Writer:
            return Writer(
                name=name,
                door_name=door_name,
                door=door,
                ledger=ledger,
                chance=random.Random(f"{seed} {name}"),  # noqa: S311 - repeatable, not secret
                every_seconds=every,
                stop=stop,
            )

        writers = [writer(name, door, _always(door_name)) for door_name, name, door in doors]
        for number, subject in enumerate(AGENTS):
            agent = Agent(
                callers=callers,
                subject=subject,
                chance=_chance(seed, number),
                share=(number, len(AGENTS)),
            )
            writers.append(writer(f"agent{number}", agent, agent.next_act))
        async with asyncio.TaskGroup() as group:
            for one in writers:
                group.create_task(one.write(), name=one.name)


def _partner(callers: Callers, home: Home, chance: random.Random) -> Partner:
    return Partner(callers=callers, name=partner_name(home), chance=chance)


def _always(door_name: str) -> Callable[[], Awaitable[str]]:
    async def say() -> str:
        return door_name

    return say


def _chance(seed: int, number: int) -> random.Random:
    return random.Random(f"{seed} {number}")  # noqa: S311 - repeatable, not secret


def main() -> None:
    """Read the command line and write."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.load", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--base", type=int, required=True)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=10.0, help="messages a second, all together")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    ledger = Ledger(asked.ledger, run=secrets.token_hex(3))
    asyncio.run(
        write(Home(asked.home), Ports(asked.base), ledger, rate=asked.rate, seed=asked.seed)
    )
    ledger.close()


if __name__ == "__main__":
    main()
