"""Builders of what tests of tickets begin with, and in-memory twins of the ports."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from otklik_runtime import ids
from otklik_tickets.domain.catalogue import Catalogue, RequestType, Service
from otklik_tickets.domain.channels import Address, Channel, ReplyRoute
from otklik_tickets.domain.commands import HearMessage
from otklik_tickets.domain.customer import Customer, Identity, Segment
from otklik_tickets.domain.errors import (
    ConversationOpenedElsewhere,
    CustomerNotFound,
    IdentityTaken,
    TicketNotFound,
)
from otklik_tickets.domain.lifecycle import State, StateMatrix, StateMeaning, Transition
from otklik_tickets.domain.message import PublicMessage
from otklik_tickets.domain.priority import Level, Priority, PriorityMatrix
from otklik_tickets.domain.shown import ShownTicket
from otklik_tickets.domain.staff import Agent, Partner
from otklik_tickets.domain.texts import LocalizedText
from otklik_tickets.domain.ticket import Ticket

NOON = datetime(2025, 3, 12, 12, 0, tzinfo=UTC)
DESK_ROLES = ("agent", "lead")


def words(text: str) -> LocalizedText:
    return LocalizedText(ru=text, en=text)


def matrix() -> StateMatrix:
    """The states most desks have: new, in progress, waiting, resolved, closed."""
    meanings = {
        "new": StateMeaning.OPEN,
        "in_progress": StateMeaning.OPEN,
        "waiting": StateMeaning.WAITING_FOR_CUSTOMER,
        "resolved": StateMeaning.RESOLVED,
        "closed": StateMeaning.CLOSED,
    }
    states = [
        State(key=key, display_name=words(key), meaning=meaning, initial=key == "new")
        for key, meaning in meanings.items()
    ]
    moves = [
        ("take", "new", "in_progress", DESK_ROLES, ()),
        ("answer", "new", "in_progress", DESK_ROLES, ()),
        ("wait_for_customer", "in_progress", "waiting", DESK_ROLES, ("reason",)),
        ("customer_wrote", "waiting", "in_progress", ("customer",), ()),
        ("resolve", "in_progress", "resolved", DESK_ROLES, ("resolution_text",)),
        ("resolve", "waiting", "resolved", DESK_ROLES, ("resolution_text",)),
        ("reopen", "resolved", "in_progress", ("customer", *DESK_ROLES), ()),
        ("close", "resolved", "closed", ("service", *DESK_ROLES), ()),
    ]
    return StateMatrix.of(
        states,
        [
            Transition(act=act, from_state=before, to_state=after, roles=roles, requires=requires)
            for act, before, after, roles, requires in moves
        ],
    )


def service(name: str, *keywords: str, urgency: Level = Level.MEDIUM) -> Service:
    return Service(
        name=f"services/{name}",
        display_name=words(name),
        content=words("content"),
        terms=words("terms"),
        territory=words("territory"),
        default_urgency=urgency,
        request_type="requestTypes/request",
        keywords=keywords,
    )


def priorities() -> PriorityMatrix:
    return PriorityMatrix(
        {
            (impact, urgency): Priority(min(4, max(1, impact + urgency - 1)))
            for impact in Level
            for urgency in Level
        }
    )


def catalogue(*services: Service) -> Catalogue:
    offered = services or (
        service("mail", "почт", "mailbox"),
        service("network", "vpn", "сеть", urgency=Level.HIGH),
        service("other"),
    )
    request_type = RequestType(
        name="requestTypes/request", display_name=words("request"), matrix=matrix()
    )
    plain = Segment(
        name="segments/plain", display_name=words("plain"), impact=Level.MEDIUM, default=True
    )
    key = Segment(name="segments/key", display_name=words("key"), impact=Level.HIGH)
    return Catalogue(
        services={each.name: each for each in offered},
        request_types={request_type.name: request_type},
        segments={plain.name: plain, key.name: key},
        priorities=priorities(),
    )


class MemoryTickets:
    """Tickets in dictionaries."""

    def __init__(self, customers: "MemoryCustomers") -> None:
        self.rows: dict[str, Ticket] = {}
        self.messages: dict[str, PublicMessage] = {}
        self.notes = []
        self.clocks = []
        self.deliveries = []
        self.count = 0
        self._customers = customers

    async def lock(self, ticket_id: str) -> Ticket:
        if ticket_id not in self.rows:
            raise TicketNotFound(ticket_id)
        return replace(self.rows[ticket_id])

    async def lock_conversations(self, conversation_ids: Collection[str]) -> list[Ticket]:
        return [
            replace(ticket)
            for _, ticket in sorted(self.rows.items())
            if {ticket.conversation_id, ticket.proposed_conversation_id} & set(conversation_ids)
        ]

    async def of_conversation(self, conversation_id: str) -> Ticket | None:
        for ticket in self.rows.values():
            if ticket.conversation_id == conversation_id:
                return replace(ticket)
        return None

    async def known_messages(self, message_ids: Collection[str]) -> set[str]:
        return set(message_ids) & set(self.messages)

    async def numbers(self, count: int) -> list[str]:
        self.count += count
        return [f"OT-{number:06d}" for number in range(self.count - count + 1, self.count + 1)]

    async def add(self, tickets: Sequence[Ticket]) -> None:
        taken = {ticket.conversation_id for ticket in self.rows.values()}
        if any(ticket.conversation_id in taken for ticket in tickets):
            raise ConversationOpenedElsewhere
        self.rows |= {ticket.id: replace(ticket) for ticket in tickets}

    async def save(self, tickets: Sequence[Ticket]) -> None:
        assert all(ticket.id in self.rows for ticket in tickets)
        self.rows |= {ticket.id: replace(ticket) for ticket in tickets}

    async def add_messages(self, messages: Sequence[PublicMessage]) -> None:
        assert not {each.id for each in messages} & set(self.messages)
        self.messages |= {each.id: each for each in messages}

    async def shown(self, ticket: Ticket) -> ShownTicket:
        name = self._customers.rows[ticket.customer_id].display_name
        return ShownTicket(ticket=ticket, customer_display_name=name, deadline=None)

    async def add_note(self, note) -> None:
        self.notes.append(note)

    async def show_deliveries(self, deliveries) -> None:
        self.deliveries += deliveries

    async def show_clocks(self, clocks) -> None:
        self.clocks += clocks


class MemoryCustomers:
    """Customers in dictionaries."""

    def __init__(self) -> None:
        self.rows: dict[str, Customer] = {}
        # Who claims an address between our looking and our writing.
        self.faster: list[Customer] = []

    def _owner(self, address: Address) -> Customer | None:
        for customer in self.rows.values():
            if any(identity.address == address for identity in customer.identities):
                return customer
        return None

    async def get(self, customer_id: str) -> Customer:
        if customer_id not in self.rows:
            raise CustomerNotFound(customer_id)
        return self.rows[customer_id]

    async def by_addresses(self, addresses: Collection[Address]) -> dict[Address, Customer]:
        found = {}
        for address in addresses:
            owner = self._owner(address)
            if owner is not None:
                own = tuple(each for each in owner.identities if each.address == address)
                found[address] = replace(owner, identities=own)
        return found

    async def welcome(self, customers: Sequence[Customer]) -> dict[Address, Customer]:
        self.rows |= {each.id: each for each in self.faster}
        for customer in customers:
            if not customer.identities or self._owner(customer.identities[0].address) is None:
                self.rows[customer.id] = customer
        return await self.by_addresses(
            [each.identities[0].address for each in customers if each.identities]
        )

    async def add(self, customer: Customer) -> None:
        for identity in customer.identities:
            owner = self._owner(identity.address)
            if owner is not None:
                raise IdentityTaken(owner.id)
        self.rows[customer.id] = customer

    async def prove(self, addresses: Collection[Address]) -> list[Customer]:
        proven = []
        for customer in list(self.rows.values()):
            identities = tuple(
                Identity(address=each.address, verified=each.verified or each.address in addresses)
                for each in customer.identities
            )
            if identities != customer.identities:
                self.rows[customer.id] = replace(
                    customer, identities=identities, version=customer.version + 1
                )
                proven.append(self.rows[customer.id])
        return proven


class MemoryDesk:
    """A catalogue that stands still."""

    def __init__(self) -> None:
        self.kept = catalogue()

    async def catalogue(self) -> Catalogue:
        return self.kept


class MemoryDirectory:
    """Agents and partners in dictionaries."""

    def __init__(self) -> None:
        self.agents: dict[str, Agent] = {}
        self.partners: dict[str, Partner] = {}

    async def agent(self, agent_id: str) -> Agent | None:
        return self.agents.get(agent_id)

    async def agent_by_subject(self, subject: str) -> Agent | None:
        return next((each for each in self.agents.values() if each.subject == subject), None)

    async def add_agent(self, agent: Agent) -> None:
        self.agents[agent.id] = agent

    async def partner(self, partner_id: str) -> Partner | None:
        return self.partners.get(partner_id)

    async def partner_names(self, partner_ids: Collection[str]) -> dict[str, str]:
        return {
            each.id: each.display_name for each in self.partners.values() if each.id in partner_ids
        }

    async def add_partner(self, partner: Partner) -> None:
        self.partners[partner.id] = partner


class MemorySessions:
    """Sessions in a dictionary."""

    def __init__(self) -> None:
        self.rows = {}
        self.used = set()

    async def add(self, session) -> None:
        self.rows[session.id] = session

    async def by_token_hash(self, token_hash: bytes):
        return next((each for each in self.rows.values() if each.token_hash == token_hash), None)

    async def revoke(self, session_id: str, now: datetime) -> None:
        self.rows[session_id] = replace(self.rows[session_id], revoked_at=now)

    async def use_assertion(self, issuer, assertion_id, *, expires_at, now) -> bool:
        fresh = (issuer, assertion_id) not in self.used
        self.used.add((issuer, assertion_id))
        return fresh


class MemoryUnit:
    """One unit of work after another over the same memory."""

    def __init__(self) -> None:
        self.now = NOON
        self.customers = MemoryCustomers()
        self.tickets = MemoryTickets(self.customers)
        self.desk = MemoryDesk()
        self.directory = MemoryDirectory()
        self.sessions = MemorySessions()
        self.said = []

    def record(self, event) -> None:
        self.said.append(event)

    def heard(self, *kinds: type) -> list:
        """What was said since it was asked last, of these kinds or of all."""
        said, self.said = self.said, []
        return [event for event in said if not kinds or isinstance(event, kinds)]

    def only_ticket(self) -> Ticket:
        [ticket] = self.tickets.rows.values()
        return ticket


@pytest.fixture
def unit() -> MemoryUnit:
    """A desk that is set up and has no customers yet."""
    return MemoryUnit()


@pytest.fixture
def an_agent(unit: MemoryUnit) -> Agent:
    """Somebody who works at the desk."""
    agent = Agent(
        id=ids.new_id(),
        display_name="Anna",
        subject="anna",
        roles=("agent",),
        locale="ru",
        created_at=NOON,
    )
    unit.directory.agents[agent.id] = agent
    return agent


@pytest.fixture
def a_mail() -> Callable[..., HearMessage]:
    """Make a mail from ivan@example.ru that starts a conversation, or as told."""

    def make(**told) -> HearMessage:
        sender = told.pop("sender_address", "ivan@example.ru")
        route = ReplyRoute(channel=Channel.EMAIL, account="channelAccounts/support", address=sender)
        facts = {
            "item_id": ids.new_id(),
            "conversation_id": ids.new_id(),
            "channel": Channel.EMAIL,
            "sender_address": sender,
            "sender_name": "Иван",
            "subject": "Помогите",
            "text": "Ничего не работает",
            "locale": "ru",
            "service": "",
            "received_at": NOON,
            "reply_route": route,
            "internet_message_id": f"<{ids.new_id()}@example.ru>",
            "cause": ids.new_id(),
        }
        return HearMessage(**(facts | told))

    return make


@pytest.fixture
def catalogue_of() -> Callable[..., Catalogue]:
    """Make a catalogue of these services."""
    return catalogue


@pytest.fixture
def a_service() -> Callable[..., Service]:
    """Make a service with these keywords."""
    return service
