"""The customers' page: one request, what we owe and by when. A link is enough to see it."""

from collections.abc import Callable, Sequence
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from otklik_desk.domain.errors import RequestNotFound, SignedOut
from otklik_desk.domain.people import Admission, short_name
from otklik_desk.domain.sentences import deadline_sentences
from otklik_desk.domain.tickets import AuthorKind, Message
from otklik_desk.entrypoints.downloads import download
from otklik_desk.entrypoints.pages import Pages
from otklik_desk.entrypoints.sessions import Sessions
from otklik_desk.handlers.reading import read_own_request
from otklik_desk.ports import Identity, Services
from otklik_runtime.errors import InvalidInput, Unauthenticated


class RequestPages:
    """The routes."""

    def __init__(
        self,
        *,
        pages: Pages,
        sessions: Sessions,
        identity: Identity,
        services_of: Callable[[Admission], Services],
    ) -> None:
        """Build the routes.

        Args:
            pages: Makes pages.
            sessions: Knows who asks.
            identity: Exchanges a link for a session.
            services_of: Gives the services on behalf of a person.
        """
        self._pages = pages
        self._sessions = sessions
        self._identity = identity
        self._services_of = services_of
        self.router = APIRouter(include_in_schema=False)
        add = self.router.add_api_route
        both = ["GET", "HEAD"]
        add("/c/{token}", self.follow, methods=["GET"])
        add("/my/{conversation_id}", self.show, methods=both)
        add("/my/{conversation_id}/attachments/{attachment_id}", self.attachment, methods=["GET"])
        add("/my/{conversation_id}/leave", self.leave, methods=["POST"])

    async def follow(self, request: Request, token: str) -> Response:
        """Exchange a link for a session, and go on to the request without the link's secret."""
        try:
            person = await self._identity.customer(token)
        except (Unauthenticated, InvalidInput):
            raise RequestNotFound from None
        query = f"?{request.url.query}" if request.url.query else ""
        answer = RedirectResponse(f"/my/{person.conversation_id}{query}", HTTPStatus.SEE_OTHER)
        self._sessions.begin_customer(answer, person)
        return answer

    async def show(self, request: Request, conversation_id: str) -> Response:
        """Show the request."""
        person = await self._customer(request, conversation_id)
        view = await read_own_request(self._services_of(person), conversation_id)
        zones = [clock.zone for clock in view.clocks]
        say = self._pages.speech(request, person, zones=zones)
        sentences = deadline_sentences(
            view.ticket.meaning,
            view.clocks,
            now=say.now,
            zone=say.zone,
            resolved_at=view.ticket.resolved_at,
            worker=_worker(view.messages),
        )
        return self._pages.page(
            request,
            "request.html",
            say=say,
            person=person,
            mark=self._sessions.form_mark(person),
            view=view,
            sentences=[] if "clocks" in view.missing else sentences,
        )

    async def attachment(
        self, request: Request, conversation_id: str, attachment_id: str
    ) -> Response:
        """Give a file that came with a message of this request."""
        person = await self._customer(request, conversation_id)
        return await download(self._services_of(person), attachment_id)

    async def leave(self, request: Request, conversation_id: str) -> Response:
        """Forget the link in this browser."""
        person = await self._customer(request, conversation_id)
        async with request.form(max_files=0) as form:
            self._sessions.require_own_form(person, str(form.get("mark", "")))
        answer = RedirectResponse("/?done=left", HTTPStatus.SEE_OTHER)
        await self._sessions.end(answer, person)
        return answer

    async def _customer(self, request: Request, conversation_id: str) -> Admission:
        """Give the customer; nobody else learns whether there is such a request."""
        try:
            return await self._sessions.customer(request, conversation_id)
        except SignedOut:
            raise RequestNotFound from None


def _worker(messages: Sequence[Message]) -> str:
    """Name who answered last, as customers see it."""
    names = [message.author_name for message in messages if message.author is AuthorKind.AGENT]
    return short_name(names[-1]) if names else ""
