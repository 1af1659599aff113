"""FeedbackService: surveys, and ratings given by program with the token of a rating link."""

from collections.abc import Callable
from typing import Any

import grpc

from otklik.feedback.v1 import feedback_service_pb2, rating_pb2
from otklik.feedback.v1.feedback_service_pb2_grpc import FeedbackServiceServicer
from otklik_feedback import handlers, wire
from otklik_feedback.entrypoints import counting
from otklik_feedback.ports import Links, Place, SurveyViews, UnitOfWork
from otklik_runtime import pages
from otklik_runtime.database import Database, Transaction

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
        size = pages.size(request)
        place = pages.place(request, parts=2)
        found = await self._views.page(
            after=Place(invited_at=pages.instant(place[0]), survey_id=pages.identifier(place[1]))
            if place
            else None,
            limit=size + 1,
            conversation_id=request.conversation_id,
        )
        page = found[:size]
        token = ""
        if len(found) > size:
            token = pages.token(request, page[-1].invited_at.isoformat(), page[-1].id)
        return feedback_service_pb2.ListSurveysResponse(
            surveys=[wire.survey_resource(survey) for survey in page], next_page_token=token
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
