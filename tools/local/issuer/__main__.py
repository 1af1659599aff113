"""Runs the issuer: `python -m tools.local.issuer --port 7409 --key KEY --people FILE`."""

import argparse
import asyncio
import sys
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

from otklik_runtime import keys
from tools.local.issuer.people import read_people
from tools.local.issuer.tokens import Signer
from tools.local.issuer.web import application
from tools.pages import PageServer, PortBusy
from tools.pages.server import LOOPBACK, until_told_to_stop


class Settings(BaseSettings):
    """The one thing that must be said outside the command line."""

    environment: str = Field(default="", validation_alias="OTKLIK_ENVIRONMENT")


def main() -> int:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m tools.local.issuer", description=__doc__)
    parser.add_argument("--port", type=int, default=7409)
    parser.add_argument("--key", type=Path, required=True, help="Ed25519 private key (PEM)")
    parser.add_argument("--people", type=Path, required=True, help="the seed file with the agents")
    asked = parser.parse_args()
    if Settings().environment != "development":
        print(
            "issuer: this provider lets anybody be anybody, so it runs only where "
            "OTKLIK_ENVIRONMENT=development",
            file=sys.stderr,
        )
        return 2
    try:
        asyncio.run(_serve(asked.port, asked.key, asked.people))
    except (PortBusy, keys.KeyRefused, OSError) as reason:
        print(f"issuer: {reason}", file=sys.stderr)
        return 1
    return 0


async def _serve(port: int, key: Path, people: Path) -> None:
    signer = Signer(issuer=f"http://{LOOPBACK}:{port}", key=keys.load_private(key)[0])
    server = PageServer(application(signer, read_people(people)))
    await server.start(port)
    print(f"issuer: {server.address}", flush=True)
    await until_told_to_stop()
    await server.stop()


if __name__ == "__main__":
    sys.exit(main())
