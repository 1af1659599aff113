"""What the verbs need: one unit of work with the definitions and the stories."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from otklik_sla.domain.calendar import Calendar
from otklik_sla.domain.clocks import Clock
from otklik_sla.domain.kept import Kept
from otklik_sla.domain.policy import Policy
from otklik_sla.domain.ticket_events import TicketEvent


class Definitions(Protocol):
    """Calendars and policies; every version is kept."""

    async def calendar(self, name: str) -> Calendar | None:
        """Return the newest version of a calendar."""
        ...

    async def add_calendar(self, calendar: Calendar, now: datetime) -> bool:
        """Keep a version; False if that one is there already."""
        ...

    async def policies(self) -> Sequence[Policy]:
        """Return the newest version of every policy."""
        ...

    async def add_policy(self, policy: Policy, now: datetime) -> bool:
        """Keep a version; False if that one is there already."""
        ...


class Stories(Protocol):
    """What is known of each ticket."""

    async def lock(self, conversation_ids: Sequence[str]) -> dict[str, Kept]:
        """Lock the stories of conversations, made where there is none, in order of their ids."""
        ...

    async def due(self, now: datetime, limit: int) -> list[Kept]:
        """Lock the stories whose time has come and that nobody else holds."""
        ...

    async def save(self, stories: Sequence[Kept]) -> None:
        """Write what was learned and judged."""
        ...


class UnitOfWork(Protocol):
    """One transaction: rows and events together, or nothing."""

    @property
    def now(self) -> datetime:
        """The one moment of this unit."""
        ...

    @property
    def definitions(self) -> Definitions:
        """Calendars and policies."""
        ...

    @property
    def stories(self) -> Stories:
        """Tickets' stories."""
        ...

    def record(self, event: TicketEvent) -> None:
        """Say that something happened."""
        ...


class Views(Protocol):
    """What can be asked; clocks are judged at the moment of the question."""

    async def calendar(self, name: str) -> Calendar:
        """Return the newest version of a calendar, or raise CalendarNotFound."""
        ...

    async def calendars(self, *, after: str, limit: int) -> Sequence[Calendar]:
        """Return calendars by name, after a name."""
        ...

    async def policy(self, name: str) -> Policy:
        """Return the newest version of a policy, or raise PolicyNotFound."""
        ...

    async def policies(self, *, after: str, limit: int) -> Sequence[Policy]:
        """Return policies by name, after a name."""
        ...

    async def stories(self, ticket_ids: Sequence[str]) -> list[Kept]:
        """Return the stories of tickets."""
        ...

    async def clock(self, ticket_id: str, wanted: str) -> tuple[Kept, Clock]:
        """Return one clock of a ticket, or raise ClockNotFound."""
        ...
