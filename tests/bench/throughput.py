"""End to end: mails through SMTP until every acknowledgement is committed with its body."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bench import measure
from tests.bench.corpus import Letter
from tests.bench.mailing import PostOffice
from tests.bench.running import RECIPIENT, Otklik
from tests.bench.settling import Books, Counts

Advanced = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """What one run reached."""

    messages_per_second: float
    handed_over_per_second: float
    usage: measure.Usage
    counts: Counts
    reply_milliseconds: Sequence[float]


async def push(
    otklik: Otklik, letters: Sequence[Letter], *, advanced: Advanced = lambda _: None
) -> Throughput:
    """Send all letters as fast as they are taken, and wait until all of them are settled."""
    async with Books(otklik) as books:
        before, processes = await books.look(), otklik.processes
        used, begun = measure.usage(processes), time.monotonic()
        office = PostOffice(port=otklik.smtp_port, recipient=RECIPIENT)
        sending = asyncio.create_task(office.send(letters))
        counts = await books.settled(len(letters), before, advanced=advanced)
        elapsed = time.monotonic() - begun
        spent = measure.usage(processes).since(used)
        await sending
        await books.handed_over()
        handed_over = otklik.letterbox.newest - begun
    return Throughput(
        messages_per_second=len(letters) / elapsed,
        handed_over_per_second=counts.acknowledged / handed_over,
        usage=spent.per(len(letters)),
        counts=counts,
        reply_milliseconds=[sent.reply_milliseconds for sent in office.sent.values()],
    )
