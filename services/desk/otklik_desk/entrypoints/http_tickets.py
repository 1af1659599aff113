"""The agents' pages: the list of tickets, and one ticket with everything about it."""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from otklik_desk.domain.errors import RequestNotFound
from otklik_desk.domain.people import Admission
from otklik_desk.domain.tickets import StateMeaning
from otklik_desk.entrypoints.downloads import download
from otklik_desk.entrypoints.pages import Pages
from otklik_desk.entrypoints.sessions import Sessions
from otklik_desk.entrypoints.ticket_page import TicketPage
from otklik_desk.handlers.reading import list_tickets, read_conversation, read_facts
from otklik_desk.ports import Services, Wanted
from otklik_runtime import ids

_ACTIVE = tuple(meaning for meaning in StateMeaning if not meaning.over)
_WAITING = (StateMeaning.WAITING_FOR_CUSTOMER, StateMeaning.WAITING_FOR_SUPPLIER)
# The choices of the filter, in their order; the first one is taken unless another is asked for.
STATES: dict[str, tuple[StateMeaning, ...]] = {
    "active": _ACTIVE,
    "open": (StateMeaning.OPEN,),
    "waiting": _WAITING,
    "resolved": (StateMeaning.RESOLVED,),
    "closed": (StateMeaning.CLOSED,),
    "all": (),
}
WHOSE = ("all", "mine")
_LONGEST_NUMBER = 40


class TicketPages:
    """The routes."""

    def __init__(
        self,
        *,
        pages: Pages,
        sessions: Sessions,
        services_of: Callable[[Admission], Services],
        ticket_page: TicketPage,
    ) -> None:
        """Build the routes.

        Args:
            pages: Makes pages.
            sessions: Knows who asks.
            services_of: Gives the services on behalf of a person.
            ticket_page: Makes the page of one ticket.
        """
        self._pages = pages
        self._sessions = sessions
        self._services_of = services_of
        self._ticket_page = ticket_page
        self.router = APIRouter(include_in_schema=False)
        add = self.router.add_api_route
        both = ["GET", "HEAD"]
        add("/tickets", self.list, methods=both)
        add("/tickets/{ticket_id}", self.show, methods=both)
        add("/tickets/{ticket_id}/conversation", self.conversation, methods=both)
        add("/tickets/{ticket_id}/facts", self.facts, methods=both)
        add("/tickets/{ticket_id}/attachments/{attachment_id}", self.attachment, methods=["GET"])

    async def list(self, request: Request) -> Response:
        """Show a page of the list."""
        person = await self._sessions.staff(request)
        services = self._services_of(person)
        query = request.query_params
        state = query.get("state", "") if query.get("state", "") in STATES else "active"
        whose = query.get("whose", "") if query.get("whose", "") in WHOSE else "all"
        number = query.get("number", "").strip().upper()[:_LONGEST_NUMBER]
        page_token = query.get("page", "")
        view = await list_tickets(
            services,
            Wanted(
                meanings=() if number else STATES[state],
                assignee_id=person.id if whose == "mine" and not number else "",
                number=number,
                page_token=page_token,
            ),
        )
        if number and len(view.tickets) == 1:
            return RedirectResponse(f"/tickets/{view.tickets[0].id}", HTTPStatus.SEE_OTHER)
        zones = [clock.zone for clocks in view.clocks.values() for clock in clocks]
        return self._pages.page(
            request,
            "tickets.html",
            say=self._pages.speech(request, person, zones=zones),
            person=person,
            mark=self._sessions.form_mark(person),
            account=view.agents.get(person.id, ""),
            view=view,
            states=list(STATES),
            state=state,
            whose=whose,
            number=number,
            first_page=not page_token,
            address=lambda **changes: _list_address(
                {"state": state, "whose": whose, "page": page_token, **changes}
            ),
        )

    async def show(self, request: Request, ticket_id: str) -> Response:
        """Show a ticket."""
        person, services = await self._asked(request, ticket_id)
        return await self._ticket_page.show(request, person, services, ticket_id)

    async def conversation(self, request: Request, ticket_id: str) -> Response:
        """Show the conversation alone, for a page that is open already."""
        person, services = await self._asked(request, ticket_id)
        view = await read_conversation(services, await services.ticket(ticket_id))
        return self._pages.page(request, "_conversation.html", person=person, view=view)

    async def facts(self, request: Request, ticket_id: str) -> Response:
        """Show what is known beside the conversation, for a page that is open already."""
        person, services = await self._asked(request, ticket_id)
        view = await read_facts(services, await services.ticket(ticket_id))
        say = self._pages.speech(request, person, zones=[clock.zone for clock in view.clocks])
        return self._pages.page(request, "_facts.html", say=say, person=person, view=view)

    async def attachment(self, request: Request, ticket_id: str, attachment_id: str) -> Response:
        """Give a file that came with a message."""
        _, services = await self._asked(request, ticket_id)
        return await download(services, attachment_id)

    async def _asked(self, request: Request, ticket_id: str) -> tuple[Admission, Services]:
        person = await self._sessions.staff(request)
        if not ids.is_id(ticket_id):
            raise RequestNotFound
        return person, self._services_of(person)


def _list_address(query: dict[str, str]) -> str:
    usual = {"state": "active", "whose": "all", "page": ""}
    said = {name: value for name, value in query.items() if value != usual[name]}
    return f"/tickets?{urlencode(said)}" if said else "/tickets"
