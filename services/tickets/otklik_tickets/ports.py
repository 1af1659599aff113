"""What the verbs need from the world: one unit of work, and what can be found and kept in it.

Tests give them in-memory twins; `adapters` gives PostgreSQL.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from otklik_tickets.domain.catalogue import Catalogue, RequestType, Service
from otklik_tickets.domain.channels import Address
from otklik_tickets.domain.commands import ShowClock, ShowDelivery
from otklik_tickets.domain.customer import Customer, Segment
from otklik_tickets.domain.events import Event
from otklik_tickets.domain.message import InternalNote, PublicMessage
from otklik_tickets.domain.priority import PriorityMatrix
from otklik_tickets.domain.sessions import Assertion, Session, StaffProof
from otklik_tickets.domain.shown import (
    Audience,
    Page,
    RecordedEvent,
    ShownTicket,
    TicketFilter,
)
from otklik_tickets.domain.staff import Agent, Partner
from otklik_tickets.domain.ticket import Ticket


class Tickets(Protocol):
    """Tickets and what is written in them."""

    async def lock(self, ticket_id: str) -> Ticket:
        """The ticket, nobody else's until the transaction ends. Raises `ticket_not_found`."""
        ...

    async def lock_conversations(self, conversation_ids: Collection[str]) -> list[Ticket]:
        """The tickets of these conversations, and those opened instead of joining them.

        Oldest first, and nobody else's until the transaction ends.
        """
        ...

    async def of_conversation(self, conversation_id: str) -> Ticket | None:
        """The ticket of this conversation."""
        ...

    async def known_messages(self, message_ids: Collection[str]) -> set[str]:
        """Those of these public messages that are kept already."""
        ...

    async def numbers(self, count: int) -> list[str]:
        """So many new ticket numbers, ascending."""
        ...

    async def add(self, tickets: Sequence[Ticket]) -> None:
        """Keep new tickets."""
        ...

    async def save(self, tickets: Sequence[Ticket]) -> None:
        """Keep the changes of these tickets, which are locked."""
        ...

    async def add_messages(self, messages: Sequence[PublicMessage]) -> None:
        """Keep new public messages."""
        ...

    async def shown(self, ticket: Ticket) -> ShownTicket:
        """The ticket with what others know of it."""
        ...

    async def add_note(self, note: InternalNote) -> None:
        """Keep a new internal note."""
        ...

    async def show_deliveries(self, deliveries: Sequence[ShowDelivery]) -> None:
        """Keep how far public messages got."""
        ...

    async def show_clocks(self, clocks: Sequence[ShowClock]) -> None:
        """Keep how clocks stand."""
        ...


class Customers(Protocol):
    """Customers and the addresses they are known by."""

    async def get(self, customer_id: str) -> Customer:
        """The customer. Raises `customer_not_found`."""
        ...

    async def by_addresses(self, addresses: Collection[Address]) -> dict[Address, Customer]:
        """Who has these addresses, each customer with that address alone; unknown ones lack."""
        ...

    async def welcome(self, customers: Sequence[Customer]) -> dict[Address, Customer]:
        """Keep these new customers, unless somebody has their one address by now.

        Returns whoever has each address at the end: the new customer, or the one who was faster.
        A customer without address is simply kept.
        """
        ...

    async def add(self, customer: Customer) -> None:
        """Keep a new customer. Raises `identity_taken`."""
        ...

    async def prove(self, addresses: Collection[Address]) -> list[Customer]:
        """Mark these addresses as proven, and return their customers as they are now."""
        ...


class Desk(Protocol):
    """The catalogue and the matrices."""

    async def catalogue(self) -> Catalogue:
        """Everything, as it is now."""
        ...

    async def add_service(self, service: Service) -> None:
        """Keep a new service. Raises `service_exists`."""
        ...

    async def add_request_type(self, request_type: RequestType) -> None:
        """Keep a new request type. Raises `request_type_exists`."""
        ...

    async def add_segment(self, segment: Segment) -> None:
        """Keep a new segment. Raises `segment_exists`, `default_segment_exists`."""
        ...

    async def set_priorities(self, matrix: PriorityMatrix) -> None:
        """Keep the priority matrix."""
        ...


class Directory(Protocol):
    """Agents and partner systems."""

    async def agent(self, agent_id: str) -> Agent | None:
        """The agent with this id."""
        ...

    async def agent_by_subject(self, subject: str) -> Agent | None:
        """The agent who signs in as this subject."""
        ...

    async def add_agent(self, agent: Agent) -> None:
        """Keep a new agent. Raises `agent_exists`."""
        ...

    async def partner(self, partner_id: str) -> Partner | None:
        """The partner with this id."""
        ...

    async def partner_names(self, partner_ids: Collection[str]) -> Mapping[str, str]:
        """What people call these partners."""
        ...

    async def add_partner(self, partner: Partner) -> None:
        """Keep a new partner."""
        ...


class Sessions(Protocol):
    """Who is signed in."""

    async def add(self, session: Session) -> None:
        """Keep a new session."""
        ...

    async def by_token_hash(self, token_hash: bytes) -> Session | None:
        """The session of the token with this hash."""
        ...

    async def revoke(self, session_id: str, now: datetime) -> None:
        """End the session, if nobody has."""
        ...

    async def use_assertion(
        self, issuer: str, assertion_id: str, *, expires_at: datetime, now: datetime
    ) -> bool:
        """Remember that this assertion was used; false when it was used before."""
        ...


class UnitOfWork(Protocol):
    """One transaction: everything it keeps and says happens together, or not at all."""

    @property
    def now(self) -> datetime:
        """The one moment of this unit of work."""
        ...

    @property
    def tickets(self) -> Tickets:
        """Tickets."""
        ...

    @property
    def customers(self) -> Customers:
        """Customers."""
        ...

    @property
    def desk(self) -> Desk:
        """The catalogue."""
        ...

    @property
    def directory(self) -> Directory:
        """Agents and partners."""
        ...

    @property
    def sessions(self) -> Sessions:
        """Sessions."""
        ...

    def record(self, event: Event) -> None:
        """Say this when the transaction commits."""
        ...


class TicketViews(Protocol):
    """Tickets, to be shown."""

    async def ticket(self, ticket_id: str, audience: Audience) -> ShownTicket:
        """One ticket. Raises `ticket_not_found`, also for those the audience may not know of."""
        ...

    async def tickets(
        self,
        wanted: TicketFilter,
        audience: Audience,
        *,
        after: tuple[datetime, str] | None,
        size: int,
    ) -> Page[ShownTicket]:
        """The tickets the audience may see, the newest change first."""
        ...

    async def public_messages(
        self, ticket_id: str, *, after: tuple[datetime, str], size: int
    ) -> Page[PublicMessage]:
        """The conversation with the customer, oldest first."""
        ...

    async def internal_notes(
        self, ticket_id: str, *, after: tuple[datetime, str], size: int
    ) -> Page[InternalNote]:
        """The desk's own notes, oldest first."""
        ...

    async def history(self, conversation_id: str, *, up_to: int) -> list[RecordedEvent]:
        """What was said of the conversation, from the first event to this version."""
        ...


class DirectoryViews(Protocol):
    """Customers and agents, to be shown."""

    async def customer(self, customer_id: str) -> Customer:
        """One customer. Raises `customer_not_found`."""
        ...

    async def customers(self, *, address: str, after_id: str, size: int) -> Page[Customer]:
        """Customers, the newest first."""
        ...

    async def agents(self, *, after_name: str, after_id: str, size: int) -> Page[Agent]:
        """Agents by name."""
        ...


class CatalogueViews(Protocol):
    """The catalogue, to be shown."""

    async def catalogue(self) -> Catalogue:
        """Everything, as it is now."""
        ...


class Proofs(Protocol):
    """Checks proofs of identity, as far as cryptography goes."""

    async def staff(self, id_token: str) -> StaffProof:
        """What an ID token of the organisation's provider says.

        Raises `proof_refused`, `proof_expired`, `staff_issuer_unavailable`.
        """
        ...

    def service(self, assertion: str) -> Assertion:
        """What a service's assertion says. Raises `proof_refused`, `proof_expired`."""
        ...

    def partner_id(self, assertion: str) -> str:
        """Who an assertion claims to come from; nothing is proven by that."""
        ...

    def partner(self, assertion: str, partner: Partner) -> Assertion:
        """What a partner's assertion says. Raises `proof_refused`, `proof_expired`."""
        ...

    def conversation_id(self, link: str, now: datetime) -> str:
        """The conversation a customer's link shows. Raises `proof_refused`, `proof_expired`."""
        ...
