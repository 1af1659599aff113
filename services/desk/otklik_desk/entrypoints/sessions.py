"""Who is asking: a sealed cookie carries the session, memory keeps its access token for minutes.

Agents have one session for the desk. A customer has one for each request whose link was followed,
in a cookie that is sent to the pages of that request only; so an agent can look at a customer's
link without being signed out.
"""

import contextlib
import hashlib
import hmac
from collections import OrderedDict
from time import monotonic

from fastapi import Request, Response

from otklik_desk.domain.errors import FormForged, SignedOut
from otklik_desk.domain.people import Admission
from otklik_desk.ports import Identity, Seals
from otklik_runtime.errors import Unauthenticated

# A session lives as long as tickets lets it; a cookie must only not be shorter.
_DAY_SECONDS = 24 * 3600
STAFF_SECONDS = 7 * _DAY_SECONDS
CUSTOMER_SECONDS = 30 * _DAY_SECONDS
_RENEW_SECONDS = 30.0
_REMEMBERED = 10_000


class Sessions:
    """The sessions of the browsers that ask."""

    def __init__(self, identity: Identity, seals: Seals, *, secure: bool) -> None:
        """Remember nobody yet.

        Args:
            identity: Exchanges sessions for access tokens.
            seals: Seals the cookies.
            secure: Whether cookies travel over TLS only.
        """
        self._identity = identity
        self._seals = seals
        self._secure = secure
        # Browsers enforce what these prefixes say: no other host or path can have set the cookie.
        self._staff_cookie = "__Host-otklik-desk" if secure else "otklik-desk"
        self._customer_cookie = "__Secure-otklik-request" if secure else "otklik-request"
        self._known: OrderedDict[bytes, tuple[float, Admission]] = OrderedDict()

    async def staff(self, request: Request) -> Admission:
        """Give the agent who asks.

        Raises:
            SignedOut: nobody is signed in.
        """
        token = self._token(request, self._staff_cookie, "staff", STAFF_SECONDS)
        person = await self._admitted(token)
        if person.kind != "agent":
            raise SignedOut
        return person

    async def staff_or_nobody(self, request: Request) -> Admission | None:
        """Give the agent who asks, or None."""
        try:
            return await self.staff(request)
        except SignedOut:
            return None

    async def customer(self, request: Request, conversation_id: str) -> Admission:
        """Give the customer who asks about a request.

        Raises:
            SignedOut: the link of this request was not followed here.
        """
        token = self._token(request, self._customer_cookie, "customer", CUSTOMER_SECONDS)
        person = await self._admitted(token)
        if person.kind != "customer" or person.conversation_id != conversation_id:
            raise SignedOut
        return person

    def begin_staff(self, response: Response, person: Admission) -> None:
        """Let the browser carry an agent's session, until it is closed."""
        self._remember(person)
        self._set(response, self._staff_cookie, "staff", person, path="/", most_seconds=None)

    def begin_customer(self, response: Response, person: Admission) -> None:
        """Let the browser carry a customer's session to the pages of one request."""
        self._remember(person)
        self._set(
            response,
            self._customer_cookie,
            "customer",
            person,
            path=_pages_of(person.conversation_id),
            most_seconds=CUSTOMER_SECONDS,
        )

    async def end(self, response: Response, person: Admission) -> None:
        """End a session, here and everywhere."""
        self._known.pop(_key(person.session_token), None)
        staff = person.kind == "agent"
        response.delete_cookie(
            self._staff_cookie if staff else self._customer_cookie,
            path="/" if staff else _pages_of(person.conversation_id),
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )
        await self._identity.revoke(person.session_token)

    def forget(self, request: Request) -> None:
        """Take the access token of whoever asks for used up: a service refused it."""
        for cookie, purpose, most in (
            (self._staff_cookie, "staff", STAFF_SECONDS),
            (self._customer_cookie, "customer", CUSTOMER_SECONDS),
        ):
            with contextlib.suppress(SignedOut):
                self._known.pop(_key(self._token(request, cookie, purpose, most)), None)

    def form_mark(self, person: Admission) -> str:
        """Give the mark that this session's own forms carry."""
        return self._seals.mark("form", person.session_token)

    def require_own_form(self, person: Admission, mark: str) -> None:
        """Refuse a form that another site made, or another session.

        Raises:
            FormForged: its mark is not this session's.
        """
        if not hmac.compare_digest(self.form_mark(person).encode(), mark.encode()):
            raise FormForged

    def _token(self, request: Request, cookie: str, purpose: str, most_seconds: int) -> str:
        sealed = request.cookies.get(cookie, "")
        content = self._seals.open(purpose, sealed, most_seconds=most_seconds) if sealed else None
        if content is None:
            raise SignedOut
        return content["session"]

    async def _admitted(self, session_token: str) -> Admission:
        until, person = self._known.get(_key(session_token), (0.0, None))
        if person is not None and monotonic() < until:
            return person
        try:
            person = await self._identity.session(session_token)
        except Unauthenticated:
            self._known.pop(_key(session_token), None)
            raise SignedOut from None
        self._remember(person)
        return person

    def _remember(self, person: Admission) -> None:
        until = monotonic() + person.good_for_seconds - _RENEW_SECONDS
        self._known[_key(person.session_token)] = (until, person)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _set(
        self,
        response: Response,
        cookie: str,
        purpose: str,
        person: Admission,
        *,
        path: str,
        most_seconds: int | None,
    ) -> None:
        response.set_cookie(
            cookie,
            self._seals.seal(purpose, {"session": person.session_token}),
            max_age=most_seconds,
            path=path,
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )


def _pages_of(conversation_id: str) -> str:
    return f"/my/{conversation_id}"


def _key(session_token: str) -> bytes:
    """Remember sessions by a digest: what memory shows opens nothing."""
    return hashlib.sha256(session_token.encode()).digest()
