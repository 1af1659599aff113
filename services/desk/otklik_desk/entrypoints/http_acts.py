"""What agents do: every act is a form that works without a script, and that never loses a text."""

from collections.abc import Callable
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from otklik_desk.domain.errors import FormForged, RequestNotFound, SignedOut
from otklik_desk.domain.people import Admission
from otklik_desk.entrypoints.forms import ANSWER, NOTE, OWN, RESOLVE, TAKE, Form, fault_of, form_of
from otklik_desk.entrypoints.pages import Pages
from otklik_desk.entrypoints.refusals import refused
from otklik_desk.entrypoints.sessions import Sessions
from otklik_desk.entrypoints.ticket_page import TicketPage
from otklik_desk.ports import Services
from otklik_runtime import ids
from otklik_runtime.errors import NotFound, OtklikError, Unauthenticated
from otklik_runtime.http_problems import of_error


class Acts:
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
        for act in OWN:
            add(f"/tickets/{{ticket_id}}/{act}", self._route(act), methods=["POST"])
        add("/tickets/{ticket_id}/acts/{act}", self.move, methods=["POST"])

    def _route(self, act: str) -> Callable[..., object]:
        async def route(request: Request, ticket_id: str) -> Response:
            return await self._act(request, ticket_id, act)

        return route

    async def move(self, request: Request, ticket_id: str, act: str) -> Response:
        """Move a ticket along its state matrix."""
        if not act.replace("_", "").isalpha() or not act.isascii() or act in OWN:
            raise RequestNotFound
        return await self._act(request, ticket_id, act)

    async def _act(self, request: Request, ticket_id: str, act: str) -> Response:
        """Do what a form says, and go on to the ticket; give the form back when it cannot be."""
        if not ids.is_id(ticket_id):
            raise RequestNotFound
        form = await form_of(request, act)
        try:
            person = await self._sessions.staff(request)
        except SignedOut:
            return self._kept(request, ticket_id, form.refused("refused.signed_out"), 401)
        services = self._services_of(person)
        try:
            self._sessions.require_own_form(person, form.mark)
            if fault := fault_of(form):
                return await self._back(
                    request, person, ticket_id, form.refused("refused.incomplete", fault=fault), 422
                )
            await _do(services, ticket_id, form)
        except NotFound:
            raise
        except Unauthenticated:
            self._sessions.forget(request)
            return self._kept(request, ticket_id, form.refused("refused.signed_out"), 401)
        except OtklikError as error:
            asked = None if isinstance(error, FormForged) else services
            form = await refused(form, error, asked)
            return await self._back(request, person, ticket_id, form, of_error(error).status)
        return RedirectResponse(f"/tickets/{ticket_id}?done={_done(act)}", HTTPStatus.SEE_OTHER)

    async def _back(
        self, request: Request, person: Admission, ticket_id: str, form: Form, status: int
    ) -> Response:
        """Give a form back on the ticket's page, or by itself when that page cannot be made."""
        try:
            return await self._ticket_page.show(
                request,
                person,
                self._services_of(person),
                ticket_id,
                came_back=form,
                status=status,
            )
        except OtklikError as error:
            return self._kept(request, ticket_id, form, of_error(error).status, person)

    def _kept(
        self,
        request: Request,
        ticket_id: str,
        form: Form,
        status: int,
        person: Admission | None = None,
    ) -> Response:
        """Show nothing but the form with its text: it is safe, and can be sent again."""
        return self._pages.page(
            request,
            "kept.html",
            person=person,
            status=status,
            here=f"/tickets/{ticket_id}",
            mark=self._sessions.form_mark(person) if person is not None else "",
            ticket_id=ticket_id,
            form=form,
        )


async def _do(services: Services, ticket_id: str, form: Form) -> None:
    sent = form.request_id
    if form.act == ANSWER:
        await services.answer(
            ticket_id, text=form.text, last_customer_message=form.seen, request_id=sent
        )
    elif form.act == NOTE:
        await services.note(ticket_id, text=form.text, request_id=sent)
    elif form.act == RESOLVE:
        await services.resolve(ticket_id, text=form.text, etag=form.etag, request_id=sent)
    elif form.act == TAKE:
        await services.take(ticket_id, request_id=sent)
    else:
        await services.transition(
            ticket_id, act=form.act, reason=form.text, etag=form.etag, request_id=sent
        )


def _done(act: str) -> str:
    return act if act in OWN else "moved"
