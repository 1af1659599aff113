"""The soak: `python -m tests.chaos.soak --minutes 30` (or `make soak ARGS="--minutes 30"`).

A random mix of every fault under load. A quarter of the time is quiet, so that recovery from one
fault is seen without the next. In the end everything is healed, drained and judged. With `--record`
the log is written to `docs/`, with the commit and the machine it was made on.
"""

import argparse
import asyncio
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos import faults
from tests.chaos.world import World, world
from tools.local.home import ROOT

RECORD = ROOT / "docs/soak.md"
QUIET_SHARE = 0.25
PERIOD_SECONDS = (4.0, 12.0)
FLOW_SECONDS = 180
DRAIN_SECONDS = 400

Fault = Callable[[World, random.Random], Awaitable[str]]


@dataclass(kw_only=True)
class Log:
    """What happened, printed as it does and kept for the record."""

    began: float = field(default_factory=time.monotonic)
    lines: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Print and keep."""
        print(text, flush=True)  # noqa: T201 - a command line
        self.lines.append(text)

    def event(self, text: str) -> None:
        """Say it with the time since the beginning."""
        self.say(f"{time.monotonic() - self.began:8.1f} s  {text}")


async def soak(minutes: float, *, rate: float, seed: int, log: Log) -> bool:
    """Hurt a running Otklik for so long; say whether it was green."""
    home = Path(tempfile.mkdtemp(prefix="otklik-soak-"))
    home.chmod(0o755)
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    try:
        async with world(home / "run", rate=rate, tell=log.say) as hurt:
            log.event(f"{', '.join(hurt.services)} run; {rate:g} messages a second; seed {seed}")
            hurt.begin_load()
            await hurt.flowing(20)
            done = await _hurt(hurt, minutes, chance, log)
            log.event("healing and draining")
            facts: dict[str, object] = {"minutes": minutes, **done}
            verdict = await hurt.judge("soak", seconds=DRAIN_SECONDS, facts=facts)
            return verdict.green
    finally:
        shutil.rmtree(home, ignore_errors=True)


async def _hurt(hurt: World, minutes: float, chance: random.Random, log: Log) -> Mapping[str, int]:
    done: Counter[str] = Counter()
    ends = time.monotonic() + minutes * 60
    failpoints = faults.failpoints_of(hurt.services)

    async def die_at_a_failpoint(hurt: World, chance: random.Random) -> str:
        service = chance.choice(hurt.services)
        name = chance.choice(failpoints[service])
        missed = await faults.hit_each(hurt, service, [name])
        return f"{service} died at {name}" if not missed else f"nothing passed {missed[0]}"

    choices: Mapping[str, Fault] = {"failpoint": die_at_a_failpoint, **FAULTS}
    while time.monotonic() < ends:
        await asyncio.sleep(chance.uniform(*PERIOD_SECONDS))
        if chance.random() < QUIET_SHARE:
            log.event("quiet")
            continue
        name = chance.choice(sorted(choices))
        said = await choices[name](hurt, chance)
        done[name] += 1
        back = await hurt.flowing(5, seconds=FLOW_SECONDS)
        log.event(f"{name}: {said}; flows again after {back:.1f} s")
    return done


async def _kill_one(hurt: World, chance: random.Random) -> str:
    service = chance.choice(hurt.services)
    await faults.kill_service(hurt, service)
    return service


async def _kill_all(hurt: World, _: random.Random) -> str:
    for service in hurt.services:
        await hurt.kill(service)
    for service in hurt.services:
        hurt.stack.spawn(service)
    return "all services at once"


async def _stop_one(hurt: World, chance: random.Random) -> str:
    service = chance.choice(hurt.services)
    await hurt.stack.restart(service)
    return f"{service} in order"


async def _pause(hurt: World, chance: random.Random) -> str:
    # Shorter than half of a lease: a sender that sleeps longer may rightly be taken for dead.
    seconds = chance.uniform(0.5, 3)
    frozen = {
        "the broker": hurt.stack.nats.pid,
        **{name: hurt.stack.children[name].pid for name in hurt.services},
    }
    name = chance.choice(sorted(frozen))
    await faults.pause(frozen[name], seconds=seconds)
    return f"{name} for {seconds:.1f} s"


async def _poison(hurt: World, chance: random.Random) -> str:
    owner = chance.choice(hurt.services)
    await faults.inject_poison(hurt, owner)
    return f"in the stream of {owner}"


async def _kill_broker(hurt: World, _: random.Random) -> str:
    await faults.kill_broker(hurt)
    return "kill -9"


async def _wipe_broker(hurt: World, _: random.Random) -> str:
    await faults.wipe_broker(hurt)
    return "its store is empty"


async def _delete_stream(hurt: World, chance: random.Random) -> str:
    owner = chance.choice(hurt.services)
    await faults.delete_stream(hurt, owner)
    return owner


async def _restart_postgres(hurt: World, _: random.Random) -> str:
    await faults.restart_postgres(hurt)
    return "in order"


async def _kill_postgres(hurt: World, _: random.Random) -> str:
    await faults.kill_postgres(hurt)
    return "kill -9"


async def _cut(hurt: World, chance: random.Random) -> str:
    cut = await faults.cut_connections(hurt, seconds=chance.uniform(2, 8))
    return f"{cut} connections"


async def _lose_answers(hurt: World, chance: random.Random) -> str:
    service = chance.choice(hurt.services)
    lost = await faults.lose_commit_answers(hurt, service, chance.randint(1, 8), seconds=15)
    return f"{lost} of {service}"


FAULTS: Mapping[str, Fault] = {
    "kill a service": _kill_one,
    "kill every service": _kill_all,
    "stop a service": _stop_one,
    "freeze a process": _pause,
    "inject poison": _poison,
    "kill the broker": _kill_broker,
    "wipe the broker": _wipe_broker,
    "delete a stream": _delete_stream,
    "restart PostgreSQL": _restart_postgres,
    "kill PostgreSQL": _kill_postgres,
    "cut connections": _cut,
    "lose answers to COMMIT": _lose_answers,
}


def main() -> int:
    """Read the command line and soak."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=10, help="messages a second")
    parser.add_argument("--seed", type=int, default=1, help="the same faults in the same order")
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name} in docs/")
    asked = parser.parse_args()
    log = Log()
    green = asyncio.run(soak(asked.minutes, rate=asked.rate, seed=asked.seed, log=log))
    if asked.record:
        RECORD.write_text(_record(log, asked))
    return 0 if green else 1


def _record(log: Log, asked: argparse.Namespace) -> str:
    git = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    machine = f"{platform.system()} {platform.machine()}, {_processors()}, Python "
    command = f"--minutes {asked.minutes:g} --rate {asked.rate:g} --seed {asked.seed} --record"
    return "\n".join(
        [
            "# The newest soak\n",
            f'`make soak ARGS="{command}"` at `{commit.strip()}`',
            f"on {machine}{platform.python_version()}.\n",
            "```",
            *log.lines,
            "```\n",
        ]
    )


def _processors() -> str:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return f"{len(names)} x {names[0]}" if names else platform.processor()


if __name__ == "__main__":
    sys.exit(main())
