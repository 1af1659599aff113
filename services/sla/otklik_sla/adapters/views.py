"""What can be asked: definitions, and clocks as they stand at this moment."""

from collections.abc import Sequence

from otklik_runtime.database import Database
from otklik_sla.adapters.definitions import PostgresDefinitions
from otklik_sla.adapters.stories import PostgresStories
from otklik_sla.domain.calendar import Calendar
from otklik_sla.domain.clocks import Clock
from otklik_sla.domain.errors import CalendarNotFound, ClockNotFound, PolicyNotFound
from otklik_sla.domain.kept import Kept
from otklik_sla.domain.policy import Policy
from otklik_sla.wire.parts import clock_id


class PostgresViews:
    """Reads for the API; clocks are judged at the moment of the question."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def calendar(self, name: str) -> Calendar:
        """Return the newest version of a calendar.

        Raises:
            CalendarNotFound: there is none.
        """
        async with self._database.read() as connection:
            found = await PostgresDefinitions(connection).calendar(name)
        if found is None:
            raise CalendarNotFound(name)
        return found

    async def calendars(self, *, after: str, limit: int) -> Sequence[Calendar]:
        """Return calendars by name."""
        async with self._database.read() as connection:
            return await PostgresDefinitions(connection).calendars(after=after, limit=limit)

    async def policy(self, name: str) -> Policy:
        """Return the newest version of a policy.

        Raises:
            PolicyNotFound: there is none.
        """
        async with self._database.read() as connection:
            found = await PostgresDefinitions(connection).policy(name)
        if found is None:
            raise PolicyNotFound(name)
        return found

    async def policies(self, *, after: str, limit: int) -> Sequence[Policy]:
        """Return policies by name."""
        async with self._database.read() as connection:
            return await PostgresDefinitions(connection).policies(after=after, limit=limit)

    async def stories(self, ticket_ids: Sequence[str]) -> list[Kept]:
        """Return the stories of tickets, their clocks judged now."""
        now = await self._database.now()
        async with self._database.read() as connection:
            stories = await PostgresStories(connection).of_tickets(ticket_ids)
        for story in stories:
            story.judge(now)
        return stories

    async def clock(self, ticket_id: str, wanted: str) -> tuple[Kept, Clock]:
        """Return one clock of a ticket, judged now.

        Raises:
            ClockNotFound: there is none.
        """
        for story in await self.stories([ticket_id]):
            for clock in story.clocks:
                if clock_id(story, clock) == wanted:
                    return story, clock
        raise ClockNotFound
