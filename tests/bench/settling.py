"""When a run is over, and whether it is right: counted in the services' own databases."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import asyncpg

from tests.bench.running import Otklik

POLL_SECONDS = 0.2
STALLED_SECONDS = 120.0
# A delivery that a killed sender held is taken again when its lease has run out.
LEAVING_SECONDS = 400.0

# The index of pending items counts them without reading a row.
_PENDING = "select count(*) from items where state = 'pending'"
_TICKETS = "select count(*) from tickets"
_MESSAGES = "select count(*) from public_messages"
_ACKNOWLEDGED = "select count(*) from deliveries"
_UNRENDERED = "select count(*) from deliveries where text = '' or html = ''"
_IN_DOUBT = "select count(*) from deliveries where in_doubt"
_WAITING = "select count(*) from deliveries where state in ('queued', 'sending')"
_DOUBLED = """
    select count(*) from (select 1 from deliveries where template = 'acknowledgement'
                          group by conversation_id having count(*) > 1) as doubled
"""


class WentWrong(Exception):
    """A run did not end as it must: something is lost, doubled or stuck."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Rows in the services' databases."""

    pending: int
    messages: int
    tickets: int
    acknowledged: int

    def since(self, earlier: Counts) -> Counts:
        """Count what came after an earlier look; what is pending is pending now."""
        return Counts(
            pending=self.pending,
            messages=self.messages - earlier.messages,
            tickets=self.tickets - earlier.tickets,
            acknowledged=self.acknowledged - earlier.acknowledged,
        )

    def is_settled(self, expected: int) -> bool:
        """Whether every mail became a message and every ticket's acknowledgement is there."""
        return (
            self.messages >= expected
            and self.pending == 0
            and 0 < self.tickets <= self.acknowledged
        )


class Books:
    """Looks into the databases of a running system."""

    def __init__(self, otklik: Otklik) -> None:
        self._otklik = otklik
        self._connections: dict[str, asyncpg.Connection] = {}

    async def __aenter__(self) -> Self:
        """Open nothing yet."""
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Close what was opened."""
        await self.forget()

    async def forget(self) -> None:
        """Close all connections: their server may have gone."""
        for connection in self._connections.values():
            connection.terminate()
        self._connections.clear()

    async def look(self) -> Counts:
        """Count."""
        return Counts(
            pending=await self._count("intake", _PENDING),
            messages=await self._count("tickets", _MESSAGES),
            tickets=await self._count("tickets", _TICKETS),
            acknowledged=await self._count("notify", _ACKNOWLEDGED),
        )

    async def settled(
        self, expected: int, since: Counts, *, advanced: Callable[[int], None] = lambda _: None
    ) -> Counts:
        """Return when so many mails more are settled.

        Raises:
            WentWrong: nothing has moved for too long.
        """
        newest, moved = since.since(since), time.monotonic()
        while not newest.is_settled(expected):
            await asyncio.sleep(POLL_SECONDS)
            try:
                found = (await self.look()).since(since)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self.forget()
                continue
            if found != newest:
                newest, moved = found, time.monotonic()
                advanced(min(expected, found.messages))
            elif time.monotonic() - moved > STALLED_SECONDS:
                raise WentWrong(f"nothing moves any more: {newest} of {expected} mails")
        unrendered = await self._count("notify", _UNRENDERED)
        if unrendered:
            raise WentWrong(f"{unrendered} deliveries have no rendered body")
        return newest

    async def handed_over(self) -> None:
        """Return when nothing waits to leave any more.

        Raises:
            WentWrong: something still does after minutes.
        """
        deadline = time.monotonic() + LEAVING_SECONDS
        while await self._count("notify", _WAITING):
            if time.monotonic() > deadline:
                raise WentWrong(f"deliveries wait to leave after {LEAVING_SECONDS:.0f} s")
            await asyncio.sleep(POLL_SECONDS)

    async def doubled_acknowledgements(self) -> int:
        """Count conversations that were acknowledged more than once."""
        return await self._count("notify", _DOUBLED)

    async def in_doubt(self) -> int:
        """Count deliveries that may have left twice."""
        return await self._count("notify", _IN_DOUBT)

    async def _count(self, service: str, query: str) -> int:
        connection = self._connections.get(service)
        if connection is None or connection.is_closed():
            connection = self._connections[service] = await self._otklik.database(service)
        return int(await connection.fetchval(query, timeout=30))
