"""The way in and out: sign-in at the organisation's provider, and the page before it."""

from dataclasses import asdict
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from otklik_desk.domain.addresses import FRONT, own_page
from otklik_desk.domain.errors import SignInFailed
from otklik_desk.entrypoints.pages import Pages
from otklik_desk.entrypoints.sessions import Sessions
from otklik_desk.ports import Beginning, Identity, Provider, Seals
from otklik_runtime.errors import Unauthenticated

SIGN_IN = "/sign-in"
RETURN = "/sign-in/return"
_SIGN_IN_SECONDS = 600
_COOKIE = "otklik-sign-in-"
# Several windows may be signing in at once; each finds its own by the beginning of its state.
_STATE_PART = 12


class SignInPages:
    """The routes."""

    def __init__(
        self,
        *,
        pages: Pages,
        sessions: Sessions,
        identity: Identity,
        provider: Provider,
        seals: Seals,
        public_url: str,
    ) -> None:
        """Build the routes.

        Args:
            pages: Makes pages.
            sessions: Keeps who is signed in.
            identity: Exchanges the provider's word for a session.
            provider: Knows the people.
            seals: Seals what a browser carries while it is away.
            public_url: How people reach the desk.
        """
        self._pages = pages
        self._sessions = sessions
        self._identity = identity
        self._provider = provider
        self._seals = seals
        self._return_address = f"{public_url.rstrip('/')}{RETURN}"
        self._secure = public_url.startswith("https://")
        self.router = APIRouter(include_in_schema=False)
        add = self.router.add_api_route
        add("/", self.front, methods=["GET", "HEAD"])
        add(SIGN_IN, self.begin, methods=["GET"])
        add(RETURN, self.finish, methods=["GET"])
        add("/sign-out", self.end, methods=["POST"])

    async def front(self, request: Request) -> Response:
        """Lead whoever is signed in to the tickets; show others where to sign in."""
        if await self._sessions.staff_or_nobody(request) is not None:
            return RedirectResponse(FRONT, HTTPStatus.SEE_OTHER)
        return self._pages.page(request, "front.html")

    async def begin(self, request: Request) -> Response:
        """Send the browser to the provider, and remember where it wanted to go."""
        to = own_page(request.query_params.get("to", FRONT))
        begun = await self._provider.begin(
            return_address=self._return_address, locale=self._pages.speech(request).locale
        )
        answer = RedirectResponse(begun.address, HTTPStatus.SEE_OTHER)
        answer.set_cookie(
            _cookie_of(begun.state),
            self._seals.seal("sign-in", {**asdict(begun), "to": to}),
            max_age=_SIGN_IN_SECONDS,
            path=SIGN_IN,
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )
        return answer

    async def finish(self, request: Request) -> Response:
        """Take the browser back from the provider, and open the session.

        Raises:
            SignInFailed: the sign-in was not begun here, or the provider or tickets refuse it.
        """
        state = request.query_params.get("state", "")
        sealed = request.cookies.get(_cookie_of(state), "")
        kept = self._seals.open("sign-in", sealed, most_seconds=_SIGN_IN_SECONDS)
        if kept is None or kept["state"] != state:
            raise SignInFailed("stale")
        code = request.query_params.get("code", "")
        if not code:
            raise SignInFailed("refused")
        begun = Beginning(
            **{name: kept[name] for name in ("address", "state", "nonce", "verifier")}
        )
        id_token = await self._provider.finish(
            begun, code=code, return_address=self._return_address
        )
        try:
            person = await self._identity.staff(id_token)
        except Unauthenticated:
            raise SignInFailed("unknown_person") from None
        answer = RedirectResponse(own_page(kept["to"]), HTTPStatus.SEE_OTHER)
        answer.delete_cookie(
            _cookie_of(state), path=SIGN_IN, secure=self._secure, httponly=True, samesite="lax"
        )
        self._sessions.begin_staff(answer, person)
        return answer

    async def end(self, request: Request) -> Response:
        """Sign out, here and everywhere this session was used."""
        answer = RedirectResponse("/?done=signed_out", HTTPStatus.SEE_OTHER)
        person = await self._sessions.staff_or_nobody(request)
        if person is not None:
            async with request.form(max_files=0) as form:
                self._sessions.require_own_form(person, str(form.get("mark", "")))
            await self._sessions.end(answer, person)
        return answer


def _cookie_of(state: str) -> str:
    safe = "".join(letter for letter in state if letter.isalnum() or letter in "-_")
    return f"{_COOKIE}{safe[:_STATE_PART]}"
