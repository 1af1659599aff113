"""What the desk needs of others: the services, a provider of identity, and seals."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from otklik_desk.domain.clocks import Clock, Explanation
from otklik_desk.domain.people import Admission
from otklik_desk.domain.texts import Text
from otklik_desk.domain.tickets import (
    Attachment,
    Change,
    Delivery,
    Message,
    Note,
    RequestType,
    StateMeaning,
    Survey,
    Ticket,
    TicketPage,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which tickets a list shows."""

    meanings: tuple[StateMeaning, ...] = ()
    assignee_id: str = ""
    number: str = ""
    conversation_id: str = ""
    page_token: str = ""
    page_size: int = 50


class Identity(Protocol):
    """Exchanges proofs of identity for sessions."""

    async def staff(self, id_token: str) -> Admission:
        """Open the session of an agent who signed in at the provider."""
        ...

    async def customer(self, link_token: str) -> Admission:
        """Open the session of a customer who followed a link."""
        ...

    async def session(self, session_token: str) -> Admission:
        """Go on with a session that was opened earlier."""
        ...

    async def revoke(self, session_token: str) -> None:
        """End a session."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Beginning:
    """A sign-in that was begun: where the person goes, and what must be known when they return."""

    address: str
    state: str
    nonce: str
    verifier: str


class Provider(Protocol):
    """The organisation's OpenID Connect provider."""

    async def begin(self, *, return_address: str, locale: str) -> Beginning:
        """Begin a sign-in."""
        ...

    async def finish(self, begun: Beginning, *, code: str, return_address: str) -> str:
        """Give the ID token of whoever returned with this code.

        Raises:
            SignInFailed: the provider does not confirm it.
        """
        ...


class Seals(Protocol):
    """Keeps what a browser carries for us from being read or changed."""

    def seal(self, purpose: str, content: Mapping[str, str]) -> str:
        """Close up some facts, for one purpose."""
        ...

    def open(self, purpose: str, sealed: str, *, most_seconds: int) -> Mapping[str, str] | None:
        """Give the facts back; None when it was not sealed here, for this, or lately enough."""
        ...

    def mark(self, purpose: str, text: str) -> str:
        """Give a mark of a text that nobody else can make."""
        ...


class Services(Protocol):
    """The services, on behalf of one person."""

    async def ticket(self, ticket_id: str) -> Ticket:
        """Get one ticket."""
        ...

    async def tickets(self, wanted: Wanted) -> TicketPage:
        """List tickets, newest change first."""
        ...

    async def messages(self, ticket_id: str) -> Sequence[Message]:
        """The conversation with the customer, oldest first."""
        ...

    async def notes(self, ticket_id: str) -> Sequence[Note]:
        """The desk's own notes, oldest first."""
        ...

    async def history(self, ticket_id: str) -> Sequence[Change]:
        """Every change of a ticket, oldest first."""
        ...

    async def clocks(self, ticket_ids: Sequence[str]) -> Sequence[Clock]:
        """The clocks of tickets."""
        ...

    async def explain(self, clock: Clock) -> Explanation:
        """Why a clock stands as it does."""
        ...

    async def deliveries(self, conversation_id: str) -> Sequence[Delivery]:
        """What was sent to the customer, newest first."""
        ...

    async def surveys(self, conversation_id: str) -> Sequence[Survey]:
        """What the customer was asked, newest first."""
        ...

    async def agents(self) -> Mapping[str, str]:
        """The names of the agents by their ids."""
        ...

    async def request_type(self, name: str) -> RequestType:
        """What a kind of request and its states are called."""
        ...

    async def service_name(self, name: str) -> Text:
        """What a service of the catalogue is called."""
        ...

    async def download(self, attachment_id: str) -> tuple[Attachment, AsyncIterator[bytes]]:
        """Open a file: what it is, and its bytes as they come."""
        ...

    async def take(self, ticket_id: str, *, request_id: str) -> None:
        """Take a ticket into work."""
        ...

    async def answer(
        self, ticket_id: str, *, text: str, last_customer_message: str, request_id: str
    ) -> None:
        """Answer the customer."""
        ...

    async def note(self, ticket_id: str, *, text: str, request_id: str) -> None:
        """Write a note for the desk."""
        ...

    async def resolve(self, ticket_id: str, *, text: str, etag: str, request_id: str) -> None:
        """Say that the request is solved, and how."""
        ...

    async def transition(
        self, ticket_id: str, *, act: str, reason: str, etag: str, request_id: str
    ) -> None:
        """Move the ticket along its state matrix."""
        ...
