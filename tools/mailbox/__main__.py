"""Runs the mailbox as a process: `python -m tools.mailbox --smtp-port 7426 --http-port 7427`."""

import argparse
import asyncio
import sys
from pathlib import Path

from tools.mailbox.ledger import DirectoryBusy
from tools.mailbox.mailbox import Mailbox
from tools.pages.server import LOOPBACK, PortBusy, until_told_to_stop


def main() -> int:
    """Take letters until told to stop; the first line printed means both ports answer."""
    parser = argparse.ArgumentParser(prog="python -m tools.mailbox", description=__doc__)
    parser.add_argument("--smtp-port", type=int, default=7426, help="where letters are sent (7426)")
    parser.add_argument("--http-port", type=int, default=7427, help="the page (7427)")
    parser.add_argument(
        "--dir", type=Path, default=Path(".run/mailbox"), help="where they lie (.run/mailbox)"
    )
    asked = parser.parse_args()
    mailbox = Mailbox(asked.dir, smtp_port=asked.smtp_port, http_port=asked.http_port)
    try:
        asyncio.run(_serve(mailbox))
    except (DirectoryBusy, PortBusy) as error:
        print(f"mailbox: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(mailbox: Mailbox) -> None:
    async with mailbox:
        smtp = f"smtp://{LOOPBACK}:{mailbox.smtp_port}"
        print(f"mailbox: letters to {smtp}, page at {mailbox.address}", flush=True)
        await until_told_to_stop()


if __name__ == "__main__":
    sys.exit(main())
