"""What can be asked about surveys: keyset pages, newest first."""

from sqlalchemy import literal, select, tuple_

from otklik_feedback.adapters.repository import survey_of
from otklik_feedback.adapters.tables import surveys
from otklik_feedback.domain import Survey, SurveyNotFound
from otklik_feedback.ports import Place
from otklik_runtime.database import Database


class PostgresSurveyViews:
    """Reads surveys for the API."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, *, after: Place | None, limit: int, conversation_id: str) -> list[Survey]:
        """List surveys, newest first, from a place on."""
        query = (
            select(surveys).order_by(surveys.c.invited_at.desc(), surveys.c.id.desc()).limit(limit)
        )
        if after is not None:
            place = tuple_(after.invited_at, literal(after.survey_id, surveys.c.id.type))
            query = query.where(tuple_(surveys.c.invited_at, surveys.c.id) < place)
        if conversation_id:
            query = query.where(surveys.c.conversation_id == conversation_id)
        async with self._database.read() as connection:
            found = (await connection.execute(query)).mappings().all()
        return [survey_of(row) for row in found]

    async def one(self, survey_id: str) -> Survey:
        """Return one survey.

        Raises:
            SurveyNotFound: there is none.
        """
        query = select(surveys).where(surveys.c.id == survey_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().first()
        if row is None:
            raise SurveyNotFound(survey_id)
        return survey_of(row)
