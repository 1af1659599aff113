"""What each command does; `__main__` only reads the command line."""

import argparse
import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from rich.console import Console

from tools.local import callers, seed
from tools.local.child import end_left_behind
from tools.local.demo.following import follow as follow_conversation
from tools.local.demo.letters import play_letters
from tools.local.demo.play import play
from tools.local.environment import DATABASE_OWNERS
from tools.local.failures import NothingRuns, StackFailed
from tools.local.home import Home
from tools.local.ports import Ports
from tools.local.progress import Progress, Shown, Silent
from tools.local.settings import LocalSettings
from tools.local.stack import FACTS, Stack
from tools.local.watch import watch

DOWN_SECONDS = 60
INTERRUPTED = 130
STAYING = "staying.json"
SEED = "demo/seed"

Body = Callable[[Stack], Awaitable[int]]


async def up(settings: LocalSettings, asked: argparse.Namespace, console: Console) -> int:
    """Start everything and stay until told to stop."""

    async def body(stack: Stack) -> int:
        _stay(stack, console)
        await watch(stack)
        return 0

    return await in_foreground(settings, console, body, services=_chosen(asked))


async def demo(settings: LocalSettings, asked: argparse.Namespace, console: Console) -> int:
    """Start everything, play the main job, and stay unless told otherwise."""

    async def body(stack: Stack) -> int:
        watching = asyncio.create_task(watch(stack))
        try:
            if asked.input is None:
                await play(stack, console, language=settings.language)
            else:
                await play_letters(
                    stack, console, asked.input, asked.journey, language=settings.language
                )
            if asked.once:
                console.print(addresses(stack.ports))
                return 0
            _stay(stack, console)
            await watching
        finally:
            watching.cancel()
        return 0

    return await in_foreground(settings, console, body, services=_chosen(asked))


async def down(settings: LocalSettings, asked: argparse.Namespace, console: Console) -> int:
    """Stop what runs with this folder, whoever started it."""
    del asked
    place = Home(settings.run_dir.absolute())
    holder = place.holder()
    if holder is None:
        left = await end_left_behind(place) if place.children.exists() else []
        console.print(f"ended what was left behind: {', '.join(left)}" if left else "nothing runs")
        return 0
    console.print(f"stopping (process {holder}) ...")
    with suppress(ProcessLookupError):
        os.kill(holder, signal.SIGTERM)
    deadline = time.monotonic() + DOWN_SECONDS
    while place.holder() is not None:
        if time.monotonic() > deadline:
            raise StackFailed(f"process {holder} has not ended after {DOWN_SECONDS} s: kill it")
        await asyncio.sleep(0.1)
    console.print("stopped")
    return 0


async def follow(settings: LocalSettings, asked: argparse.Namespace, console: Console) -> int:
    """Print one conversation in every service, from its first message on, then live."""
    stack = running(settings)
    with suppress(asyncio.CancelledError):
        await follow_conversation(
            stack, asked.id, console, language=settings.language, once=asked.once
        )
    return 0


async def migrate(settings: LocalSettings, asked: argparse.Namespace, console: Console) -> int:
    """Bring one service's database up to date."""
    stack = running(settings)
    if asked.service not in DATABASE_OWNERS:
        known = ", ".join(DATABASE_OWNERS)
        raise StackFailed(f"SERVICE={asked.service} has no database: name one of {known}")
    await stack.migrate(asked.service)
    console.print(f"the database of {asked.service} is up to date")
    return 0


async def token(settings: LocalSettings, asked: argparse.Namespace, console: Console) -> int:
    """Print an ID token of one of the seeded people."""
    stack = running(settings)
    print(await callers.sign_in(stack.ports.issuer_url, asked.subject))
    del console
    return 0


async def in_foreground(
    settings: LocalSettings,
    console: Console,
    body: Body,
    *,
    services: Sequence[str] | None = None,
) -> int:
    """Run a stack for as long as the body does, or until Ctrl-C or `make down`."""
    progress = Shown(console)
    stack = make_stack(settings, Ports(settings.port_base), progress)
    if services is not None:
        stack.services = services
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with stack.place.held():
        async with stack:
            work = asyncio.ensure_future(_whole(stack, progress, body))
            stopping = asyncio.ensure_future(stop.wait())
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not work.done():
                console.print("\nstopping ...")
                work.cancel()
                await asyncio.wait({work})
                return 0 if stack.place.recall(STAYING) else INTERRUPTED
            return work.result()


async def _whole(stack: Stack, progress: Shown, body: Body) -> int:
    (stack.place.path / STAYING).unlink(missing_ok=True)
    async with progress.shown():
        await stack.up()
        progress.begin(SEED)
        await seed.load(stack)
        progress.end(SEED)
    return await body(stack)


def make_stack(settings: LocalSettings, ports: Ports, progress: Progress) -> Stack:
    """Describe the stack that the settings mean."""
    return Stack(
        home=settings.run_dir,
        ports=ports,
        telemetry_endpoint=settings.telemetry_endpoint,
        progress=progress,
    )


def running(settings: LocalSettings) -> Stack:
    """Describe the stack that runs with this folder, for a command that talks to it.

    Raises:
        NothingRuns: there is none.
    """
    place = Home(settings.run_dir.absolute())
    base = place.recall(FACTS).get("base")
    if place.holder() is None or not isinstance(base, int):
        raise NothingRuns
    return make_stack(settings, Ports(base), Silent())


def addresses(ports: Ports) -> str:
    """List the pages a person can open."""
    return f"""
  desk             {ports.url("desk")}
  contact form     {ports.url("intake")}
  local mailbox    {ports.mailbox_url}
  traces           {ports.traces_url}
  sign-in          {ports.issuer_url}
  mail comes in    127.0.0.1:{ports.intake_smtp} (SMTP)
  gRPC             tickets {ports.grpc_address("tickets")}, intake {ports.grpc_address("intake")}, \
sla {ports.grpc_address("sla")}, notify {ports.grpc_address("notify")}, \
feedback {ports.grpc_address("feedback")}
"""


def _stay(stack: Stack, console: Console) -> None:
    """Say what there is to look at; from here on an interruption is the orderly end."""
    console.print(addresses(stack.ports))
    console.print("  It stays up until Ctrl-C, or `make down` from another terminal.")
    stack.place.remember(STAYING, {"base": stack.ports.base})


def _chosen(asked: argparse.Namespace) -> list[str] | None:
    if asked.services is None:
        return None
    return [name for name in asked.services.split(",") if name]
