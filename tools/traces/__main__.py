"""Runs the receiver as a process: `python -m tools.traces --grpc-port 7417 --http-port 7408`."""

import argparse
import asyncio
import sys

from tools.pages.server import PortBusy, until_told_to_stop
from tools.traces.receiver import TraceReceiver
from tools.traces.store import DEFAULT_MAX_SPANS


def main() -> int:
    """Receive until told to stop; the first line printed means both ports answer."""
    parser = argparse.ArgumentParser(prog="python -m tools.traces", description=__doc__)
    parser.add_argument("--grpc-port", type=int, default=7417, help="OTLP over gRPC (7417)")
    parser.add_argument("--http-port", type=int, default=7408, help="pages, OTLP over HTTP (7408)")
    parser.add_argument("--max-spans", type=int, default=DEFAULT_MAX_SPANS, help="kept at most")
    asked = parser.parse_args()
    receiver = TraceReceiver(
        grpc_port=asked.grpc_port, http_port=asked.http_port, max_spans=asked.max_spans
    )
    try:
        asyncio.run(_serve(receiver))
    except PortBusy as error:
        print(f"traces: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(receiver: TraceReceiver) -> None:
    async with receiver:
        print(f"traces: OTLP at {receiver.endpoint}, page at {receiver.address}", flush=True)
        await until_told_to_stop()


if __name__ == "__main__":
    sys.exit(main())
