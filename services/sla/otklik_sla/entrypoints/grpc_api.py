"""SlaService: calendars, policies, clocks, and why a clock stands as it does."""

from collections.abc import Callable
from typing import Any

import grpc

from otklik.sla.v1 import calendar_pb2, clock_pb2, policy_pb2
from otklik.sla.v1 import sla_service_pb2 as pb
from otklik.sla.v1.sla_service_pb2_grpc import SlaServiceServicer
from otklik_runtime import auth, pages, replay
from otklik_runtime.database import Database, Transaction
from otklik_sla.domain.explain import explain
from otklik_sla.handlers import add_calendar, add_policy
from otklik_sla.ports import UnitOfWork, Views
from otklik_sla.wire import definitions, showing

_Context = grpc.aio.ServicerContext[Any, Any]


class SlaApi(SlaServiceServicer):
    """Translates calls into verbs and views."""

    def __init__(
        self, database: Database, *, unit_of: Callable[[Transaction], UnitOfWork], views: Views
    ) -> None:
        self._database = database
        self._unit_of = unit_of
        self._views = views

    async def CreateCalendar(
        self, request: pb.CreateCalendarRequest, context: _Context
    ) -> calendar_pb2.Calendar:
        """Add a calendar."""
        async with self._database.transaction() as transaction:
            once = await replay.begin(transaction, request)
            if once.earlier is not None:
                return calendar_pb2.Calendar.FromString(once.earlier)
            calendar = await add_calendar(
                self._unit_of(transaction), definitions.calendar_of(request.calendar, version=1)
            )
            response = definitions.calendar_resource(calendar)
            await once.remember(transaction, response)
        return response

    async def GetCalendar(
        self, request: pb.GetCalendarRequest, context: _Context
    ) -> calendar_pb2.Calendar:
        """Get one calendar."""
        return definitions.calendar_resource(await self._views.calendar(request.name))

    async def ListCalendars(
        self, request: pb.ListCalendarsRequest, context: _Context
    ) -> pb.ListCalendarsResponse:
        """List calendars by name."""
        size = pages.size(request)
        place = pages.place(request, parts=1)
        found = await self._views.calendars(after=place[0] if place else "", limit=size + 1)
        more = len(found) > size
        return pb.ListCalendarsResponse(
            calendars=[definitions.calendar_resource(one) for one in found[:size]],
            next_page_token=pages.token(request, found[size - 1].id) if more else "",
        )

    async def CreatePolicy(
        self, request: pb.CreatePolicyRequest, context: _Context
    ) -> policy_pb2.Policy:
        """Add a policy."""
        async with self._database.transaction() as transaction:
            once = await replay.begin(transaction, request)
            if once.earlier is not None:
                return policy_pb2.Policy.FromString(once.earlier)
            unit = self._unit_of(transaction)
            calendars = {
                target.calendar: await unit.definitions.calendar(target.calendar)
                for target in request.policy.targets
            }
            policy = await add_policy(
                unit, definitions.policy_of(request.policy, calendars, version=1)
            )
            response = definitions.policy_resource(policy)
            await once.remember(transaction, response)
        return response

    async def GetPolicy(self, request: pb.GetPolicyRequest, context: _Context) -> policy_pb2.Policy:
        """Get one policy."""
        return definitions.policy_resource(await self._views.policy(request.name))

    async def ListPolicies(
        self, request: pb.ListPoliciesRequest, context: _Context
    ) -> pb.ListPoliciesResponse:
        """List policies by name."""
        size = pages.size(request)
        place = pages.place(request, parts=1)
        found = await self._views.policies(after=place[0] if place else "", limit=size + 1)
        more = len(found) > size
        return pb.ListPoliciesResponse(
            policies=[definitions.policy_resource(one) for one in found[:size]],
            next_page_token=pages.token(request, found[size - 1].id) if more else "",
        )

    async def ListClocks(
        self, request: pb.ListClocksRequest, context: _Context
    ) -> pb.ListClocksResponse:
        """Show the clocks of tickets as they stand now; a customer's own only."""
        caller = auth.principal()
        own = caller.conversation_id if caller.kind == "customer" else None
        tickets = [parent.removeprefix("tickets/") for parent in request.parents]
        stories = await self._views.stories(tickets)
        return pb.ListClocksResponse(
            clocks=[
                showing.clock_resource(clock, story)
                for story in stories
                if own is None or story.conversation_id == own
                for clock in story.clocks
            ]
        )

    async def ExplainClock(
        self, request: pb.ExplainClockRequest, context: _Context
    ) -> clock_pb2.ClockExplanation:
        """Say why a clock stands as it does."""
        _, ticket_id, _, clock_id = request.name.split("/")
        story, clock = await self._views.clock(ticket_id, clock_id)
        return showing.explanation_resource(explain(clock), story)
