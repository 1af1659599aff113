"""The services over gRPC, on behalf of one person: their token, their rights."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, TypeVar

from otklik.feedback.v1 import feedback_service_pb2 as feedback
from otklik.feedback.v1.feedback_service_pb2_grpc import FeedbackServiceStub
from otklik.intake.v1 import attachment_service_pb2 as intake
from otklik.intake.v1.attachment_service_pb2_grpc import AttachmentServiceStub
from otklik.notify.v1 import notify_service_pb2 as notify
from otklik.notify.v1.notify_service_pb2_grpc import NotifyServiceStub
from otklik.sla.v1 import sla_service_pb2 as sla
from otklik.sla.v1.sla_service_pb2_grpc import SlaServiceStub
from otklik.tickets.v1 import catalogue_service_pb2 as catalogue
from otklik.tickets.v1 import directory_service_pb2 as directory
from otklik.tickets.v1 import ticket_service_pb2 as pb
from otklik.tickets.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from otklik.tickets.v1.directory_service_pb2_grpc import DirectoryServiceStub
from otklik.tickets.v1.ticket_service_pb2_grpc import TicketServiceStub
from otklik_desk.domain.clocks import Clock, Explanation
from otklik_desk.domain.texts import Text
from otklik_desk.domain.tickets import (
    Attachment,
    Change,
    Delivery,
    Message,
    Note,
    RequestType,
    Survey,
    Ticket,
    TicketPage,
)
from otklik_desk.ports import Wanted
from otklik_desk.wire import beside
from otklik_desk.wire import tickets as wire
from otklik_runtime.errors import NotFound
from otklik_runtime.grpc_client import GrpcClients

T = TypeVar("T")

_PAGE = 500
# A conversation longer than this is read by its newest part elsewhere; a page must end.
_PAGES = 10
_REMEMBERED_SECONDS = 60.0
_REMEMBERED = 500


@dataclass
class Names:
    """What things are called: the same for everybody at the desk, and seldom changed."""

    _known: dict[str, tuple[float, Any]] = field(default_factory=dict)

    async def get(self, key: str, ask: Callable[[], Awaitable[T]]) -> T:
        """Give what is known of a key, or ask."""
        until, value = self._known.get(key, (0.0, None))
        if monotonic() >= until:
            value = await ask()
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = (monotonic() + _REMEMBERED_SECONDS, value)
        known: T = value
        return known


class GrpcServices:
    """Calls the services for one person."""

    def __init__(self, clients: GrpcClients, names: Names, *, token: str) -> None:
        """Nothing is called yet.

        Args:
            clients: The channels.
            names: What the processes of the desk remember together.
            token: The person's access token.
        """

        # The stubs made for an aio channel are asynchronous; their types cannot say so.
        def stub(kind: Any, owner: str) -> Any:
            return clients.stub(kind, owner, token=token)

        self._names = names
        self._tickets = stub(TicketServiceStub, "tickets")
        self._directory = stub(DirectoryServiceStub, "tickets")
        self._catalogue = stub(CatalogueServiceStub, "tickets")
        self._sla = stub(SlaServiceStub, "sla")
        self._notify = stub(NotifyServiceStub, "notify")
        self._feedback = stub(FeedbackServiceStub, "feedback")
        self._attachments = stub(AttachmentServiceStub, "intake")

    async def ticket(self, ticket_id: str) -> Ticket:
        """Get one ticket."""
        return wire.ticket_of(
            await self._tickets.GetTicket(pb.GetTicketRequest(name=_named(ticket_id)))
        )

    async def tickets(self, wanted: Wanted) -> TicketPage:
        """List tickets, newest change first."""
        answer = await self._tickets.ListTickets(
            pb.ListTicketsRequest(
                page_size=wanted.page_size,
                page_token=wanted.page_token,
                state_meanings=[wire.meaning_number(meaning) for meaning in wanted.meanings],
                assignee=f"agents/{wanted.assignee_id}" if wanted.assignee_id else "",
                number=wanted.number,
                conversation_id=wanted.conversation_id,
            )
        )
        return TicketPage(
            tickets=[wire.ticket_of(each) for each in answer.tickets],
            next_token=answer.next_page_token,
        )

    async def messages(self, ticket_id: str) -> Sequence[Message]:
        """The conversation with the customer, oldest first."""
        request = pb.ListPublicMessagesRequest(parent=_named(ticket_id), page_size=_PAGE)
        found = await _whole(self._tickets.ListPublicMessages, request, "public_messages")
        return [wire.message_of(each) for each in found]

    async def notes(self, ticket_id: str) -> Sequence[Note]:
        """The desk's own notes, oldest first."""
        request = pb.ListInternalNotesRequest(parent=_named(ticket_id), page_size=_PAGE)
        found = await _whole(self._tickets.ListInternalNotes, request, "internal_notes")
        return [wire.note_of(each) for each in found]

    async def history(self, ticket_id: str) -> Sequence[Change]:
        """Every change of a ticket, oldest first."""
        request = pb.ListTicketEventsRequest(parent=_named(ticket_id), page_size=_PAGE)
        found = await _whole(self._tickets.ListTicketEvents, request, "ticket_events")
        return [wire.change_of(each) for each in found]

    async def clocks(self, ticket_ids: Sequence[str]) -> Sequence[Clock]:
        """The clocks of tickets."""
        if not ticket_ids:
            return []
        request = sla.ListClocksRequest(parents=[_named(each) for each in ticket_ids])
        answer = await self._sla.ListClocks(request)
        return [beside.clock_of(each) for each in answer.clocks]

    async def explain(self, clock: Clock) -> Explanation:
        """Why a clock stands as it does."""
        name = f"{_named(clock.ticket_id)}/clocks/{clock.id}"
        return beside.explanation_of(
            await self._sla.ExplainClock(sla.ExplainClockRequest(name=name))
        )

    async def deliveries(self, conversation_id: str) -> Sequence[Delivery]:
        """What was sent to the customer, newest first."""
        answer = await self._notify.ListDeliveries(
            notify.ListDeliveriesRequest(conversation_id=conversation_id)
        )
        return [beside.delivery_of(each) for each in answer.deliveries]

    async def surveys(self, conversation_id: str) -> Sequence[Survey]:
        """What the customer was asked, newest first."""
        answer = await self._feedback.ListSurveys(
            feedback.ListSurveysRequest(conversation_id=conversation_id)
        )
        return [beside.survey_of(each) for each in answer.surveys]

    async def agents(self) -> Mapping[str, str]:
        """The names of the agents by their ids."""

        async def ask() -> Mapping[str, str]:
            request = directory.ListAgentsRequest(page_size=_PAGE)
            found = await _whole(self._directory.ListAgents, request, "agents")
            return {wire.last_part(each.name): each.display_name for each in found}

        return await self._names.get("agents", ask)

    async def request_type(self, name: str) -> RequestType:
        """What a kind of request and its states are called."""

        async def ask() -> RequestType:
            request = catalogue.GetRequestTypeRequest(name=name)
            return wire.request_type_of(await self._catalogue.GetRequestType(request))

        return await self._names.get(name, ask)

    async def service_name(self, name: str) -> Text:
        """What a service of the catalogue is called."""

        async def ask() -> Text:
            answer = await self._catalogue.GetService(catalogue.GetServiceRequest(name=name))
            return wire.text_of(answer.display_name)

        return await self._names.get(name, ask)

    async def download(self, attachment_id: str) -> tuple[Attachment, AsyncIterator[bytes]]:
        """Open a file: what it is, and its bytes as they come."""
        request = intake.DownloadAttachmentRequest(name=f"attachments/{attachment_id}")
        pieces = self._attachments.DownloadAttachment(request)
        try:
            first = await anext(pieces)
        except StopAsyncIteration:
            raise NotFound("attachment_not_found", "there is no such file") from None
        return wire.attachment_of(first.reference), _data(pieces)

    async def take(self, ticket_id: str, *, request_id: str) -> None:
        """Take a ticket into work."""
        await self._tickets.TakeTicket(
            pb.TakeTicketRequest(name=_named(ticket_id), request_id=request_id)
        )

    async def answer(
        self, ticket_id: str, *, text: str, last_customer_message: str, request_id: str
    ) -> None:
        """Answer the customer."""
        await self._tickets.SendPublicMessage(
            pb.SendPublicMessageRequest(
                parent=_named(ticket_id),
                request_id=request_id,
                text=text,
                last_customer_message=last_customer_message,
            )
        )

    async def note(self, ticket_id: str, *, text: str, request_id: str) -> None:
        """Write a note for the desk."""
        await self._tickets.AddInternalNote(
            pb.AddInternalNoteRequest(parent=_named(ticket_id), request_id=request_id, text=text)
        )

    async def resolve(self, ticket_id: str, *, text: str, etag: str, request_id: str) -> None:
        """Say that the request is solved, and how."""
        await self._tickets.ResolveTicket(
            pb.ResolveTicketRequest(
                name=_named(ticket_id), resolution_text=text, etag=etag, request_id=request_id
            )
        )

    async def transition(
        self, ticket_id: str, *, act: str, reason: str, etag: str, request_id: str
    ) -> None:
        """Move the ticket along its state matrix."""
        await self._tickets.TransitionTicket(
            pb.TransitionTicketRequest(
                name=_named(ticket_id), act=act, reason=reason, etag=etag, request_id=request_id
            )
        )


def _named(ticket_id: str) -> str:
    return f"tickets/{ticket_id}"


async def _whole(call: Callable[[Any], Awaitable[Any]], request: Any, rows: str) -> list[Any]:
    """Read a list page by page."""
    found: list[Any] = []
    for _ in range(_PAGES):
        answer = await call(request)
        found.extend(getattr(answer, rows))
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token
    return found


async def _data(pieces: AsyncGenerator[Any]) -> AsyncIterator[bytes]:
    # Closed here and now, so that intake stops reading when the browser has gone.
    async with aclosing(pieces):
        async for piece in pieces:
            yield piece.data
