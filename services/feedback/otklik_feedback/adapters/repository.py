"""Feedback's collections in PostgreSQL: each method is one statement for the whole batch.

The order of the tables is the same everywhere (tickets, surveys), and within a table rows are
locked in the order of their ids. Instants come from the unit of work.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict

from sqlalchemy import RowMapping, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from otklik_feedback.adapters.tables import (
    NOT_ENDED,
    breaches,
    received,
    surveys,
    tickets,
)
from otklik_feedback.domain import (
    CountReceived,
    RememberBreach,
    RememberTicket,
    SkipReason,
    State,
    Survey,
)

_CHANGES = ("state", "score", "comment", "rated_at", "settles_at", "ended_at")


def survey_of(row: RowMapping) -> Survey:
    """Read a survey."""
    facts = dict(row)
    return Survey(
        **{
            **facts,
            "state": State(facts["state"]),
            "skip_reason": SkipReason(facts["skip_reason"]),
        }
    )


class PostgresSurveys:
    """Every survey, one for each resolution of a ticket."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def open_of(self, ticket_ids: Collection[str]) -> list[Survey]:
        """Lock and return those of these tickets whose resolution is not over."""
        found = await self._connection.execute(
            select(surveys)
            .where(NOT_ENDED, surveys.c.ticket_id.in_(sorted(ticket_ids)))
            .order_by(surveys.c.id)
            .with_for_update()
        )
        return [survey_of(row) for row in found.mappings()]

    async def lock(self, survey_id: str) -> Survey | None:
        """Lock and return one survey."""
        found = await self._connection.execute(
            select(surveys).where(surveys.c.id == survey_id).with_for_update()
        )
        row = found.mappings().first()
        return None if row is None else survey_of(row)

    async def add(self, new: Sequence[Survey]) -> set[str]:
        """Add surveys that are not there yet; return the ids of those that were new."""
        found = await self._connection.execute(
            insert(surveys).on_conflict_do_nothing().returning(surveys.c.id),
            [asdict(survey) for survey in sorted(new, key=_id)],
        )
        return set(found.scalars())

    async def save(self, changed: Sequence[Survey]) -> None:
        """Write what may have changed."""
        await self._connection.execute(
            update(surveys)
            .where(surveys.c.id == bindparam("of_survey"))
            .values({name: bindparam(f"new_{name}") for name in _CHANGES}),
            [
                {
                    "of_survey": survey.id,
                    **{f"new_{name}": getattr(survey, name) for name in _CHANGES},
                }
                for survey in sorted(changed, key=_id)
            ],
        )


class PostgresRecords:
    """What reports are made of."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add_tickets(self, opened: Sequence[RememberTicket]) -> None:
        """Remember who opened what."""
        await self._connection.execute(
            insert(tickets).on_conflict_do_nothing(),
            [asdict(ticket) for ticket in sorted(opened, key=lambda each: each.ticket_id)],
        )

    async def count_received(self, counts: Mapping[CountReceived, int]) -> None:
        """Add to what was received on a day, by channel and service."""
        new = insert(received)
        await self._connection.execute(
            new.on_conflict_do_update(
                index_elements=list(received.primary_key),
                set_={"message_count": received.c.message_count + new.excluded.message_count},
            ),
            [
                {**asdict(what), "message_count": count}
                for what, count in sorted(counts.items(), key=_day)
            ],
        )

    async def add_breaches(self, breached: Sequence[RememberBreach]) -> None:
        """Remember which tickets were kept waiting."""
        await self._connection.execute(
            insert(breaches).on_conflict_do_nothing(),
            [asdict(breach) for breach in sorted(breached, key=lambda each: each.clock_id)],
        )


def _id(survey: Survey) -> str:
    return survey.id


def _day(entry: tuple[CountReceived, int]) -> tuple[str, str, str]:
    what, _ = entry
    return what.day.isoformat(), what.channel, what.service
