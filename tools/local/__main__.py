"""`make demo`, `make up`, `make down`, `make follow`, `make migrate`."""

import argparse
import asyncio
import errno
import logging
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from rich.console import Console

from tools.local import commands
from tools.local.failures import StackFailed
from tools.local.home import ROOT
from tools.local.settings import LocalSettings

Command = Callable[[LocalSettings, argparse.Namespace, Console], Awaitable[int]]


def main() -> int:
    """Run a command; the exit code is 0 only when it did what was asked."""
    asked = _parser().parse_args()
    # Log lines and letters are shown as they are: nothing in them is markup, nothing is wrapped.
    console = Console(highlight=False, markup=False, soft_wrap=True)
    # What libraries have to say belongs into no story; failures reach us as exceptions.
    logging.getLogger().addHandler(logging.NullHandler())
    command: Command = asked.command
    try:
        return asyncio.run(_run(command, asked, console))
    except StackFailed as reason:
        print(f"\n{asked.name}: {reason}", file=sys.stderr)
        return 1
    except OSError as reason:
        if reason.errno != errno.ENOSPC:
            raise
        full = reason.filename or LocalSettings().run_dir
        print(
            f"\n{asked.name}: the disk that holds {full} is full: free some space, or put the "
            "stack's files elsewhere with OTKLIK_RUN_DIR",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        return 130


async def _run(command: Command, asked: argparse.Namespace, console: Console) -> int:
    return await command(LocalSettings(), asked, console)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.local", description=__doc__)
    subparsers = parser.add_subparsers(dest="name", required=True)
    add = subparsers.add_parser

    up = add("up", help="start everything and stay until Ctrl-C or `down`")
    up.set_defaults(command=commands.up)

    down = add("down", help="stop what runs with this folder")
    down.set_defaults(command=commands.down)

    demo = add("demo", help="start everything and play the main job on real input")
    demo.add_argument("--input", type=Path, help="play the .eml files of this folder instead")
    demo.add_argument(
        "--journey",
        type=Path,
        default=ROOT / "journey.json",
        help="where --input writes what became of each letter (journey.json)",
    )
    demo.add_argument("--once", action="store_true", help="end when it has been played")
    demo.set_defaults(command=commands.demo)
    for starting in (up, demo):
        starting.add_argument("--services", help="only these, by name, separated by commas")

    follow = add("follow", help="print one conversation from its first message on, then live")
    follow.add_argument("id", help="a conversation id, a ticket's number or a ticket's name")
    follow.add_argument("--once", action="store_true", help="end where the story is now")
    follow.set_defaults(command=commands.follow)

    migrate = add("migrate", help="bring one service's local database up to date")
    migrate.add_argument("service")
    migrate.set_defaults(command=commands.migrate)

    token = add("token", help="print an ID token of one of the seeded people")
    token.add_argument("--subject", default="dev-operator", help="who: see demo/seed/agents.yaml")
    token.set_defaults(command=commands.token)
    return parser


if __name__ == "__main__":
    sys.exit(main())
