"""All of Otklik as real processes for a benchmark: started, seeded, measured, taken away again."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from otklik_ops.permissions import PROVISIONER
from tests.bench.letterbox import Letterbox
from tests.bench.span_sink import SpanSink
from tools.local import seed
from tools.local.ports import Ports, free_base
from tools.local.processes import services_here
from tools.local.stack import Stack

RECIPIENT = "support@otklik.example"
SETTLE_SECONDS = 3.0
"""What the seed said must have been heard everywhere before the first mail."""


@dataclass(kw_only=True)
class MeasuredStack(Stack):
    """The stack, with a broker whose way of syncing can be chosen for a comparison."""

    sync_interval: str = "always"

    async def start_nats(self) -> None:
        """Start the broker, syncing as asked."""
        self.nats.sync_interval = self.sync_interval
        await super().start_nats()


@dataclass(kw_only=True)
class Otklik:
    """A running system."""

    stack: Stack
    letterbox: Letterbox
    spans: SpanSink

    @property
    def processes(self) -> Mapping[str, int]:
        """The processes that do the work, by name: no tool, no mailbox, no receiver of spans."""
        children = {
            name: child.pid
            for name, child in self.stack.children.items()
            if name in {*self.stack.services, PROVISIONER}
        }
        servers = {"postgres": self.stack.postgres.pid, "nats": self.stack.nats.pid}
        return {name: pid for name, pid in {**children, **servers}.items() if pid is not None}

    @property
    def smtp_port(self) -> int:
        """Where customers' mail arrives."""
        return self.stack.ports.intake_smtp

    async def database(self, service: str) -> asyncpg.Connection:
        """Connect to a service's database, as only a benchmark or an operator may."""
        return await asyncpg.connect(self.stack.postgres.url(f"otklik_{service}"))


@asynccontextmanager
async def running(
    folder: Path,
    *,
    sync_interval: str = "always",
    trace_ratio: float = 0.05,
    services: Sequence[str] | None = None,
) -> AsyncIterator[Otklik]:
    """Start everything with the demo's seed, and end it when the block ends.

    Args:
        folder: Where its state is kept; removed at the end.
        sync_interval: When the broker writes through.
        trace_ratio: The share of traces kept; below zero the services have no telemetry at all.
        services: Which services; all unless given.
    """
    ports = Ports(free_base())
    async with SpanSink() as spans, Letterbox(port=ports.mailbox_smtp) as letterbox:
        stack = MeasuredStack(
            home=folder,
            ports=ports,
            services=services_here() if services is None else services,
            tools=("issuer",),
            trace_ratio=max(0.0, trace_ratio),
            telemetry_endpoint="" if trace_ratio < 0 else spans.endpoint,
            sync_interval=sync_interval,
        )
        # The letterbox has that port already, on purpose.
        stack.require_ports = lambda: None  # type: ignore[method-assign] # checked by free_base
        try:
            async with stack:
                await stack.up()
                await seed.load(stack)
                await asyncio.sleep(SETTLE_SECONDS)
                yield Otklik(stack=stack, letterbox=letterbox, spans=spans)
        finally:
            await stack.postgres.remove()
            shutil.rmtree(folder, ignore_errors=True)
