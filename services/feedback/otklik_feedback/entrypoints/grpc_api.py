"""FeedbackService: surveys, and ratings given by program with the token of a rating link."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import grpc

from otklik.feedback.v1 import feedback_service_pb2, rating_pb2
from otklik.feedback.v1.feedback_service_pb2_grpc import FeedbackServiceServicer
from otklik_feedback import handlers, wire
from otklik_feedback.entrypoints import counting
from otklik_feedback.ports import Links, Place, SurveyViews, UnitOfWork
from otklik_runtime import ids, pages
from otklik_runtime.database import Database, Transaction
from otklik_runtime.errors import InvalidInput

_Context = grpc.aio.ServicerContext[Any, Any]


class FeedbackApi(FeedbackServiceServicer):
    """Shows surveys and takes ratings."""

    def __init__(
        self,
        database: Database,
        views: SurveyViews,
        *,
        unit_of: Callable[[Transaction], UnitOfWork],
        links: Links,
    ) -> None:
        self._database = database
        self._views = views
        self._unit_of = unit_of
        self._links = links

    async def ListSurveys(
        self, request: feedback_service_pb2.ListSurveysRequest, context: _Context
    ) -> feedback_service_pb2.ListSurveysResponse:
        """List surveys, newest first."""
        size = pages.size(request.page_size)
        of = f"surveys {request.conversation_id}"
        found = await self._views.page(
            after=_place(request.page_token, of),
            limit=size + 1,
            conversation_id=request.conversation_id,
        )
        page = found[:size]
        more = len(found) > size
        return feedback_service_pb2.ListSurveysResponse(
            surveys=[wire.survey_resource(survey) for survey in page],
            next_page_token=pages.token((page[-1].invited_at.isoformat(), page[-1].id), of=of)
            if more
            else "",
        )

    async def GetSurvey(
        self, request: feedback_service_pb2.GetSurveyRequest, context: _Context
    ) -> rating_pb2.Survey:
        """Show one survey."""
        return wire.survey_resource(await self._views.one(request.name.removeprefix("surveys/")))

    async def RateTicket(
        self, request: feedback_service_pb2.RateTicketRequest, context: _Context
    ) -> rating_pb2.Survey:
        """Take a rating; the same one again changes nothing, so a repeat needs no request_id."""
        async with self._database.transaction() as transaction:
            survey, given = await handlers.rate(
                self._unit_of(transaction),
                self._links,
                token=request.link_token,
                score=request.score,
                comment=request.comment,
            )
        counting.rated(given)
        return wire.survey_resource(survey)


def _place(page_token: str, of: str) -> Place | None:
    """Read where a page begins.

    Raises:
        InvalidInput: `page_token_invalid`.
    """
    parts = pages.place(page_token, of=of, parts=2)
    if parts is None:
        return None
    try:
        invited_at = datetime.fromisoformat(parts[0])
    except ValueError:
        invited_at = None
    if invited_at is None or invited_at.tzinfo is None or not ids.is_id(parts[1]):
        raise InvalidInput(
            "page_token_invalid",
            "page_token is not one of this list: send next_page_token back as it was",
            field="page_token",
        )
    return Place(invited_at=invited_at, survey_id=parts[1])
