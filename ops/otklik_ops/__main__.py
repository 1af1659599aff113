"""The operators' command: `otklik dead list|show|replay|discard`, `otklik nats-users`."""

import argparse
import asyncio
import importlib
import sys
from collections.abc import Sequence

from otklik_ops import dead_letters, permissions
from otklik_ops.flows import contracted
from otklik_ops.operator import signed_in
from otklik_ops.settings import Settings
from otklik_runtime.env import SettingsRefused
from otklik_runtime.errors import CannotStart, OtklikError

FAILED = 1
REFUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the command line names, and give the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        return int(asked.run(asked))
    except OtklikError as error:
        sys.stderr.write(f"otklik: {error.message} ({error.code})\n")
        return FAILED
    except (CannotStart, SettingsRefused, OSError) as error:
        sys.stderr.write(f"otklik: {error}\n")
        return REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="otklik", description="Operate Otklik.")
    areas = parser.add_subparsers(dest="area", required=True)
    dead = areas.add_parser("dead", help="dead letters: what a service could not handle")
    dead.set_defaults(run=_run_dead)
    dead_letters.add_commands(dead)
    users = areas.add_parser(
        "nats-users",
        help="print the accounts part of the nats-server configuration; passwords come from the "
        "server's environment",
    )
    users.set_defaults(run=_print_users)
    return parser


def _run_dead(asked: argparse.Namespace) -> int:
    for owner in contracted().owners:
        # So that the messages of its events are known by name.
        importlib.import_module(f"otklik.{owner}.v1.events_pb2")
    return asyncio.run(_as_operator(asked))


async def _as_operator(asked: argparse.Namespace) -> int:
    async with signed_in(Settings.load()) as operator:
        return int(await asked.command(operator, asked))


def _print_users(asked: argparse.Namespace) -> int:
    del asked
    sys.stdout.write(permissions.render(permissions.production(contracted())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
