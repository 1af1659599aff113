"""What every process does: read settings, build, serve, and end in order.

A service's `__main__` is one call::

    def main() -> None:
        process.main(Settings, bootstrap, migrations="otklik_sla")

and gives the commands `serve`, `migrate` and `check-config`. Exit codes: 0 for an orderly end, 1
when a part failed while serving, 2 when the process could not start, with one sentence that says
which setting to change or what to do.
"""

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import uvloop

from otklik_runtime import failpoints, health, logs, telemetry
from otklik_runtime.env import Settings
from otklik_runtime.errors import CannotStart, OtklikError
from otklik_runtime.health import Entrypoint

S = TypeVar("S", bound=Settings)
Bootstrap = Callable[[S, AsyncExitStack], Awaitable[Sequence[Entrypoint]]]
# A further command of a service: it gets the rest of the command line and gives the exit code.
Command = Callable[[list[str]], int]

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
FAILED = 1
DID_NOT_START = 2
# What a shell reports for a process that a signal ended.
_KILLED = 128

_LOG = logging.getLogger(__name__)


def main(
    settings_type: type[S],
    bootstrap: Bootstrap[S],
    *,
    migrations: str | Path | None = None,
    commands: Mapping[str, Command] | None = None,
    arguments: Sequence[str] | None = None,
) -> NoReturn:
    """Run the command that the command line names, and exit.

    Args:
        settings_type: The service's settings.
        bootstrap: Builds the service; its entrypoints are drained in the order it returns them.
        migrations: The package with the service's migrations, if it owns a database.
        commands: Further commands, by name.
        arguments: The command line; the process's own unless given.
    """
    further = commands or {}
    command, rest = _command(settings_type, further, arguments, migrates=migrations is not None)
    if command in further:
        sys.exit(further[command](rest))
    try:
        settings = settings_type.load()
        if command == "check-config":
            code = _check_config(settings)
        elif command == "migrate" and migrations is not None:
            code = _migrate(settings, migrations)
        else:
            code = _serve(settings, bootstrap, migrations)
    except (CannotStart, OtklikError, OSError) as error:
        print(f"otklik-{settings_type.service}: {_sentence(error)}", file=sys.stderr)  # noqa: T201 - for whoever started us, before there are logs
        code = DID_NOT_START
    sys.stdout.flush()
    sys.exit(code)


def _command(
    settings_type: type[Settings],
    further: Mapping[str, Command],
    arguments: Sequence[str] | None,
    *,
    migrates: bool,
) -> tuple[str, list[str]]:
    known = ["serve", *(["migrate"] if migrates else []), "check-config", *further]
    parser = argparse.ArgumentParser(
        prog=f"otklik-{settings_type.service}",
        description=f"The {settings_type.service} service of Otklik.",
    )
    parser.add_argument("command", choices=known, help="what to do")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parsed = parser.parse_args(arguments)
    if parsed.rest and parsed.command not in further:
        parser.error(f"{parsed.command} takes no arguments: {' '.join(parsed.rest)}")
    return parsed.command, parsed.rest


def _sentence(error: Exception) -> str:
    if isinstance(error, OtklikError):
        return error.message
    return logs.redact(str(error))


def _check_config(settings: Settings) -> int:
    for name, value in settings.described().items():
        print(f"{name}={value}")  # noqa: T201 - the answer of the command
    return 0


def _migrate(settings: Settings, package: str | Path) -> int:
    from otklik_runtime import migrations  # noqa: PLC0415 - only this command pays for Alembic

    logs.configure(settings)
    applied = migrations.run(settings.database_direct_url, package)
    _LOG.info("database is up to date", extra={"applied": applied})
    return 0


def _serve(settings: S, bootstrap: Bootstrap[S], migrations: str | Path | None) -> int:
    logs.configure(settings)
    if settings.failpoint:
        if settings.environment != "development":
            raise CannotStart("OTKLIK_FAILPOINT is for tests: set OTKLIK_ENVIRONMENT=development")
        failpoints.arm(settings.failpoint)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve(settings, bootstrap, migrations=migrations))


async def serve(
    settings: S, bootstrap: Bootstrap[S], *, migrations: str | Path | None = None
) -> int:
    """Build the service, serve until a signal or a failure, end in order, give the exit code."""
    told = health.begin()
    stop = _stop_on_signals()
    async with AsyncExitStack() as stack:
        telemetry.open(settings, stack)
        building = asyncio.ensure_future(_build(settings, bootstrap, migrations, stack))
        if await _ends_first(stop, building):
            return 0
        entrypoints = building.result()
        told.watch(entrypoints)
        # What was made until now lives as long as the process: the collector need not look at it.
        gc.collect()
        gc.freeze()
        return await _run(entrypoints, stop, told, drain_seconds=settings.drain_seconds)


async def _build(
    settings: S,
    bootstrap: Bootstrap[S],
    package: str | Path | None,
    stack: AsyncExitStack,
) -> Sequence[Entrypoint]:
    if package is not None:
        from otklik_runtime import migrations  # noqa: PLC0415 - services without a database

        missing = await migrations.missing(settings.database_direct_url, package)
        if missing:
            raise CannotStart(
                f"the database lacks migration {', '.join(missing)}: run "
                f"`otklik-{settings.service} migrate` first",
            )
    return await bootstrap(settings, stack)


async def _ends_first(
    stop: asyncio.Event, building: "asyncio.Future[Sequence[Entrypoint]]"
) -> bool:
    """Tell whether the process was told to end before it was built."""
    stopping: asyncio.Future[object] = asyncio.ensure_future(stop.wait())
    waited: set[asyncio.Future[Any]] = {stopping, building}
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if building.done():
        return False
    building.cancel()
    await asyncio.wait({building})
    return True


async def _run(
    entrypoints: Sequence[Entrypoint],
    stop: asyncio.Event,
    told: health.Health,
    *,
    drain_seconds: float,
) -> int:
    # Not a TaskGroup: its first failure cancels all others at once, and they must be drained.
    tasks = [asyncio.create_task(part.run(), name=part.name) for part in entrypoints]
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    failed = not stop.is_set()
    told.drain()
    _LOG.info("ending", extra={"because": "a part failed" if failed else "a signal"})
    for entrypoint, task in zip(entrypoints, tasks, strict=True):
        await _drain(entrypoint, task, seconds=drain_seconds)
    for task in tasks:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            failed = True
            _LOG.error("part failed", extra={"part": task.get_name()}, exc_info=error)
    return FAILED if failed else 0


async def _drain(entrypoint: Entrypoint, task: "asyncio.Task[None]", *, seconds: float) -> None:
    """Let one part finish; what has not finished in time is cut off, and said so."""
    draining = asyncio.create_task(entrypoint.drain(), name=f"drain {entrypoint.name}")
    _, late = await asyncio.wait({draining, task}, timeout=seconds)
    if late:
        _LOG.warning("part did not finish in time", extra={"part": entrypoint.name})
        for unfinished in late:
            unfinished.cancel()
        await asyncio.wait(late)
    if not draining.cancelled() and (error := draining.exception()) is not None:
        _LOG.error("part did not drain", extra={"part": entrypoint.name}, exc_info=error)


def _stop_on_signals() -> asyncio.Event:
    """Give the event that the first signal sets; the second one ends the process at once."""
    stop = asyncio.Event()

    def on_signal(number: signal.Signals) -> None:
        if stop.is_set():
            _LOG.warning("ending at once", extra={"signal": number.name})
            os._exit(_KILLED + number)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, on_signal, number)
    return stop
