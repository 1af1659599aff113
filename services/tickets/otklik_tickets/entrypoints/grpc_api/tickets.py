"""TicketService: what agents, customers and partners can do with tickets."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import grpc

from otklik.tickets.v1 import ticket_pb2
from otklik.tickets.v1 import ticket_service_pb2 as pb
from otklik.tickets.v1.ticket_service_pb2_grpc import TicketServiceServicer
from otklik_runtime import pages, replay
from otklik_runtime.auth import principal
from otklik_runtime.database import Database, Transaction
from otklik_tickets import handlers
from otklik_tickets.domain import commands
from otklik_tickets.domain.lifecycle import StateMeaning
from otklik_tickets.domain.priority import Level
from otklik_tickets.domain.shown import ShownTicket, TicketFilter
from otklik_tickets.entrypoints.grpc_api.callers import actor, at_desk, audience, worker
from otklik_tickets.ports import CatalogueViews, TicketViews, UnitOfWork
from otklik_tickets.wire.scalars import id_of, message_id_of
from otklik_tickets.wire.ticket_events import ticket_events
from otklik_tickets.wire.tickets import (
    internal_note_message,
    public_message_message,
    ticket_message,
)

_Context = grpc.aio.ServicerContext[Any, Any]

_TICKETS_MOST = 200
_MESSAGES_PAGE = 100
_BEGINNING = datetime.min.replace(tzinfo=UTC)
_LOWEST_ID = "00000000-0000-0000-0000-000000000000"


class TicketApi(TicketServiceServicer):
    """Serves tickets."""

    def __init__(
        self,
        database: Database,
        unit_of: Callable[[Transaction], UnitOfWork],
        *,
        views: TicketViews,
        catalogue: CatalogueViews,
    ) -> None:
        self._database = database
        self._unit_of = unit_of
        self._views = views
        self._catalogue = catalogue

    async def CreateTicket(
        self, request: pb.CreateTicketRequest, context: _Context
    ) -> ticket_pb2.Ticket:
        """Open a ticket on a customer's behalf."""
        command = commands.CreateTicket(
            customer_id=id_of(request.customer, "customers", field="customer"),
            service=request.service,
            subject=request.subject,
            text=request.text,
            urgency=Level(request.urgency) if request.urgency else None,
            locale=request.locale,
            opener=actor(),
            roles=principal().roles,
        )
        return await self._change(request, lambda unit: handlers.create_ticket(unit, command))

    async def GetTicket(self, request: pb.GetTicketRequest, context: _Context) -> ticket_pb2.Ticket:
        """Get one ticket, with what the caller may do with it."""
        ticket_id = id_of(request.name, "tickets", field="name")
        shown = await self._views.ticket(ticket_id, audience())
        for_desk = at_desk(principal())
        if for_desk:
            matrix = (await self._catalogue.catalogue()).matrix(shown.ticket.request_type)
            allowed = matrix.allowed(shown.ticket.state, principal().roles)
            shown = replace(shown, allowed=tuple(allowed))
        return ticket_message(shown, for_desk=for_desk)

    async def ListTickets(
        self, request: pb.ListTicketsRequest, context: _Context
    ) -> pb.ListTicketsResponse:
        """List tickets, newest change first."""
        place = pages.place(request, parts=2)
        page = await self._views.tickets(
            _filter_of(request),
            audience(),
            after=(pages.instant(place[0]), pages.identifier(place[1])) if place else None,
            size=pages.size(request, most=_TICKETS_MOST),
        )
        token = ""
        if page.more:
            last = page.rows[-1].ticket
            token = pages.token(request, last.changed_at.isoformat(), last.id)
        for_desk = at_desk(principal())
        return pb.ListTicketsResponse(
            tickets=[ticket_message(shown, for_desk=for_desk) for shown in page.rows],
            next_page_token=token,
        )

    async def ListPublicMessages(
        self, request: pb.ListPublicMessagesRequest, context: _Context
    ) -> pb.ListPublicMessagesResponse:
        """The conversation with the customer."""
        ticket_id = await self._visible(request.parent)
        page = await self._views.public_messages(
            ticket_id,
            after=_after(request),
            size=pages.size(request, default=_MESSAGES_PAGE),
        )
        token = ""
        if page.more:
            last = page.rows[-1]
            token = pages.token(request, last.created_at.isoformat(), last.id)
        for_desk = at_desk(principal())
        return pb.ListPublicMessagesResponse(
            public_messages=[public_message_message(each, for_desk=for_desk) for each in page.rows],
            next_page_token=token,
        )

    async def ListInternalNotes(
        self, request: pb.ListInternalNotesRequest, context: _Context
    ) -> pb.ListInternalNotesResponse:
        """The desk's own notes."""
        ticket_id = await self._visible(request.parent)
        page = await self._views.internal_notes(
            ticket_id,
            after=_after(request),
            size=pages.size(request, default=_MESSAGES_PAGE),
        )
        token = ""
        if page.more:
            last = page.rows[-1]
            token = pages.token(request, last.created_at.isoformat(), last.id)
        return pb.ListInternalNotesResponse(
            internal_notes=[internal_note_message(each) for each in page.rows],
            next_page_token=token,
        )

    async def SendPublicMessage(
        self, request: pb.SendPublicMessageRequest, context: _Context
    ) -> ticket_pb2.PublicMessage:
        """Answer the customer."""
        ticket_id = id_of(request.parent, "tickets", field="parent")
        command = commands.SendPublicMessage(
            ticket_id=ticket_id,
            by=worker(),
            text=request.text,
            last_customer_message_id=message_id_of(
                request.last_customer_message, ticket_id, field="last_customer_message"
            ),
        )
        async with self._database.transaction() as tx:
            once = await replay.begin(tx, request)
            if once.earlier is not None:
                return ticket_pb2.PublicMessage.FromString(once.earlier)
            message = await handlers.send_public_message(self._unit_of(tx), command)
            response = public_message_message(message, for_desk=True)
            await once.remember(tx, response)
        return response

    async def AddInternalNote(
        self, request: pb.AddInternalNoteRequest, context: _Context
    ) -> ticket_pb2.InternalNote:
        """Write a note for the desk only."""
        command = commands.AddInternalNote(
            ticket_id=id_of(request.parent, "tickets", field="parent"),
            by=worker(),
            text=request.text,
        )
        async with self._database.transaction() as tx:
            once = await replay.begin(tx, request)
            if once.earlier is not None:
                return ticket_pb2.InternalNote.FromString(once.earlier)
            note = await handlers.add_internal_note(self._unit_of(tx), command)
            response = internal_note_message(note)
            await once.remember(tx, response)
        return response

    async def TakeTicket(
        self, request: pb.TakeTicketRequest, context: _Context
    ) -> ticket_pb2.Ticket:
        """Take a ticket into work."""
        command = commands.TakeTicket(
            ticket_id=id_of(request.name, "tickets", field="name"), by=worker(), etag=request.etag
        )
        return await self._change(request, lambda unit: handlers.take_ticket(unit, command))

    async def ResolveTicket(
        self, request: pb.ResolveTicketRequest, context: _Context
    ) -> ticket_pb2.Ticket:
        """Say that the request is solved, and tell the customer how."""
        command = commands.ResolveTicket(
            ticket_id=id_of(request.name, "tickets", field="name"),
            by=worker(),
            resolution_text=request.resolution_text,
            etag=request.etag,
        )
        return await self._change(request, lambda unit: handlers.resolve_ticket(unit, command))

    async def TransitionTicket(
        self, request: pb.TransitionTicketRequest, context: _Context
    ) -> ticket_pb2.Ticket:
        """Move a ticket along another edge of its state matrix."""
        command = commands.TransitionTicket(
            ticket_id=id_of(request.name, "tickets", field="name"),
            by=worker(),
            act=request.act,
            reason=request.reason,
            etag=request.etag,
        )
        return await self._change(request, lambda unit: handlers.transition_ticket(unit, command))

    async def ListTicketEvents(
        self, request: pb.ListTicketEventsRequest, context: _Context
    ) -> pb.ListTicketEventsResponse:
        """Every change of a ticket with actor and time."""
        ticket_id = id_of(request.parent, "tickets", field="parent")
        shown = await self._views.ticket(ticket_id, audience())
        size = pages.size(request, default=_MESSAGES_PAGE)
        place = pages.place(request, parts=1)
        seen = pages.number(place[0]) if place else 0
        rows = await self._views.history(shown.ticket.conversation_id, up_to=seen + size + 1)
        told = [event for event in ticket_events(rows) if event.version > seen]
        more = len(told) > size
        return pb.ListTicketEventsResponse(
            ticket_events=told[:size],
            next_page_token=pages.token(request, str(seen + size)) if more else "",
        )

    async def _change(
        self,
        request: Any,
        verb: Callable[[UnitOfWork], Awaitable[ShownTicket]],
    ) -> ticket_pb2.Ticket:
        """Do it once for each request_id, and answer with the ticket as it is then."""
        async with self._database.transaction() as tx:
            once = await replay.begin(tx, request)
            if once.earlier is not None:
                return ticket_pb2.Ticket.FromString(once.earlier)
            shown = await verb(self._unit_of(tx))
            response = ticket_message(shown, for_desk=at_desk(principal()))
            await once.remember(tx, response)
        return response

    async def _visible(self, parent: str) -> str:
        """The id of a ticket that the caller may see."""
        ticket_id = id_of(parent, "tickets", field="parent")
        await self._views.ticket(ticket_id, audience())
        return ticket_id


def _filter_of(request: pb.ListTicketsRequest) -> TicketFilter:
    customer, assignee = request.customer, request.assignee
    return TicketFilter(
        meanings=tuple(StateMeaning(meaning) for meaning in request.state_meanings),
        customer_id=id_of(customer, "customers", field="customer") if customer else "",
        assignee_id=id_of(assignee, "agents", field="assignee") if assignee else "",
        number=request.number,
        conversation_id=request.conversation_id,
    )


def _after(
    request: pb.ListPublicMessagesRequest | pb.ListInternalNotesRequest,
) -> tuple[datetime, str]:
    place = pages.place(request, parts=2)
    if place is None:
        return _BEGINNING, _LOWEST_ID
    return pages.instant(place[0]), pages.identifier(place[1])
