"""Burst and crash: every process is killed with -9 once while a burst of mail arrives.

The ledger is outside: the client's own list of what was answered with 250, the public messages in
tickets' database, the acknowledgements in notify's, and the letters that reached the letterbox.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tests.bench.corpus import Letter, token_of
from tests.bench.mailing import PostOffice
from tests.bench.running import RECIPIENT, Otklik
from tests.bench.settling import Books

BURST_SECONDS = 10.0
POSTGRES, NATS = "postgres", "nats"


@dataclass(frozen=True, kw_only=True)
class Burst:
    """What became of a burst."""

    drain_seconds: float
    reply_milliseconds: Sequence[float]
    killed: Sequence[str]
    accepted: int
    resent: int
    lost: int
    doubled_messages: int
    doubled_acknowledgements: int
    doubled_letters: int
    in_doubt: int


async def burst(
    otklik: Otklik,
    letters: Sequence[Letter],
    *,
    kill: bool,
    advanced: Callable[[int], None] = lambda _: None,
) -> Burst:
    """Send all letters within ten seconds if they are taken, killing each process once or none."""
    async with Books(otklik) as books:
        before, doubled = await books.look(), otklik.letterbox.doubled
        begun = time.monotonic()
        office = PostOffice(port=otklik.smtp_port, recipient=RECIPIENT)
        rate = max(1.0, len(letters) / BURST_SECONDS)
        sending = asyncio.create_task(office.send_at(letters, rate=rate))
        killed = await _kill_each(otklik, books) if kill else []
        await books.settled(len(letters), before, advanced=advanced)
        drained = time.monotonic() - begun
        await sending
        await books.handed_over()
        accepted = [sent for sent in office.sent.values() if sent.accepted]
        messages = await _messages_of(otklik)
        return Burst(
            drain_seconds=drained,
            reply_milliseconds=[sent.reply_milliseconds for sent in accepted],
            killed=killed,
            accepted=len(accepted),
            resent=sum(sent.attempts - 1 for sent in accepted),
            lost=sum(not messages[sent.letter.token] for sent in accepted),
            doubled_messages=sum(messages[letter.token] > 1 for letter in letters),
            doubled_acknowledgements=await books.doubled_acknowledgements(),
            doubled_letters=otklik.letterbox.doubled - doubled,
            in_doubt=await books.in_doubt(),
        )


async def _kill_each(otklik: Otklik, books: Books) -> list[str]:
    """Kill one after the other through the burst; each is started again at once."""
    stack = otklik.stack
    victims = [name for name in stack.services if name in stack.children]
    pause = BURST_SECONDS / (len(victims) + 2)
    restarts: list[asyncio.Task[None]] = []
    for name in victims:
        await asyncio.sleep(pause)
        await stack.kill(name)
        restarts.append(asyncio.create_task(stack.start(name)))
    for name, end, start in (
        (NATS, stack.nats.kill, stack.start_nats),
        (POSTGRES, stack.postgres.kill, stack.start_postgres),
    ):
        await asyncio.sleep(pause)
        await _again(end, start)
        victims.append(name)
    await books.forget()
    await asyncio.gather(*restarts)
    return victims


async def _again(end: Callable[[], Awaitable[None]], start: Callable[[], Awaitable[None]]) -> None:
    await end()
    await start()


async def _messages_of(otklik: Otklik) -> Counter[str]:
    """Count the public messages that each mail became, by the mail's token."""
    intake, tickets = await otklik.database("intake"), await otklik.database("tickets")
    try:
        items = await intake.fetch("select id::text, external_id from items")
        messages = await tickets.fetch("select id::text from public_messages")
    finally:
        await intake.close()
        await tickets.close()
    kept = {row["id"] for row in messages}
    return Counter(token_of(row["external_id"]) for row in items if row["id"] in kept)
