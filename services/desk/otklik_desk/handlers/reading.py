"""Read a ticket with everything beside it, from whoever keeps it, all at once.

A page needs tickets. What other services keep stands beside it: when one of them does not answer,
the page is shown without its part and says so.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from otklik_desk.domain.clocks import Clock, Explanation
from otklik_desk.domain.errors import RequestNotFound
from otklik_desk.domain.texts import Text
from otklik_desk.domain.tickets import (
    Change,
    Delivery,
    Message,
    Note,
    RequestType,
    Survey,
    Ticket,
)
from otklik_desk.ports import Services, Wanted
from otklik_runtime.errors import OtklikError, Unauthenticated

T = TypeVar("T")

# So many clocks are explained on one page, the newest ones.
_EXPLAINED = 8


@dataclass(frozen=True, kw_only=True)
class ListView:
    """A page of tickets with their clocks and the names in it."""

    tickets: Sequence[Ticket]
    next_token: str
    clocks: Mapping[str, Sequence[Clock]]
    agents: Mapping[str, str]
    states: Mapping[tuple[str, str], Text]
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class ConversationView:
    """What was said and done in a ticket."""

    ticket: Ticket
    messages: Sequence[Message]
    notes: Sequence[Note]
    history: Sequence[Change]
    agents: Mapping[str, str]
    request_type: RequestType
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class FactsView:
    """What is known about a ticket beside the conversation."""

    ticket: Ticket
    service: Text | None
    request_type: RequestType
    agents: Mapping[str, str]
    clocks: Sequence[Clock]
    explanations: Mapping[str, Explanation]
    deliveries: Sequence[Delivery]
    surveys: Sequence[Survey]
    history: Sequence[Change]
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class RequestView:
    """A customer's own request."""

    ticket: Ticket
    service: Text | None
    messages: Sequence[Message]
    clocks: Sequence[Clock]
    missing: frozenset[str] = frozenset()


@dataclass
class _Beside:
    """The parts of a page that may be missing."""

    missing: set[str] = field(default_factory=set)

    async def part(self, name: str, asked: Awaitable[T], nothing: T) -> T:
        """Give a part, or nothing and its name among the missing."""
        try:
            return await asked
        except Unauthenticated:
            raise
        except OtklikError:
            self.missing.add(name)
            return nothing


async def list_tickets(services: Services, wanted: Wanted) -> ListView:
    """Read a page of the list."""
    beside = _Beside()
    page = await services.tickets(wanted)
    clocks, agents, states = await asyncio.gather(
        beside.part("clocks", services.clocks([each.id for each in page.tickets]), []),
        beside.part("agents", services.agents(), {}),
        beside.part("states", _states(services, page.tickets), {}),
    )
    return ListView(
        tickets=page.tickets,
        next_token=page.next_token,
        clocks=_by_ticket(clocks),
        agents=agents,
        states=states,
        missing=frozenset(beside.missing),
    )


async def read_conversation(services: Services, ticket: Ticket) -> ConversationView:
    """Read what was said and done in a ticket."""
    beside = _Beside()
    messages, notes, history, agents, request_type = await asyncio.gather(
        services.messages(ticket.id),
        services.notes(ticket.id),
        services.history(ticket.id),
        beside.part("agents", services.agents(), {}),
        services.request_type(ticket.request_type),
    )
    return ConversationView(
        ticket=ticket,
        messages=messages,
        notes=notes,
        history=history,
        agents=agents,
        request_type=request_type,
        missing=frozenset(beside.missing),
    )


async def read_facts(services: Services, ticket: Ticket) -> FactsView:
    """Read what is known about a ticket beside the conversation."""
    beside = _Beside()
    beside_it = asyncio.gather(
        beside.part("clocks", _explained(services, ticket.id), ([], {})),
        beside.part("deliveries", services.deliveries(ticket.conversation_id), []),
        beside.part("surveys", services.surveys(ticket.conversation_id), []),
        beside.part("agents", services.agents(), {}),
        beside.part("service", _service_name(services, ticket), None),
    )
    history, request_type, kept = await asyncio.gather(
        services.history(ticket.id), services.request_type(ticket.request_type), beside_it
    )
    (clocks, explanations), deliveries, surveys, agents, service = kept
    return FactsView(
        ticket=ticket,
        service=service,
        request_type=request_type,
        agents=agents,
        clocks=clocks,
        explanations=explanations,
        deliveries=deliveries,
        surveys=surveys,
        history=history,
        missing=frozenset(beside.missing),
    )


async def read_own_request(services: Services, conversation_id: str) -> RequestView:
    """Read a customer's own request.

    Raises:
        RequestNotFound: there is none in this conversation that this customer may see.
    """
    page = await services.tickets(Wanted(conversation_id=conversation_id, page_size=1))
    if not page.tickets:
        raise RequestNotFound
    [ticket] = page.tickets
    beside = _Beside()
    messages, clocks, service = await asyncio.gather(
        services.messages(ticket.id),
        beside.part("clocks", services.clocks([ticket.id]), []),
        beside.part("service", _service_name(services, ticket), None),
    )
    return RequestView(
        ticket=ticket,
        service=service,
        messages=messages,
        clocks=clocks,
        missing=frozenset(beside.missing),
    )


async def _explained(
    services: Services, ticket_id: str
) -> tuple[Sequence[Clock], Mapping[str, Explanation]]:
    clocks = await services.clocks([ticket_id])
    newest = sorted(clocks, key=lambda clock: clock.started_at)[-_EXPLAINED:]
    told = await asyncio.gather(*(services.explain(clock) for clock in newest))
    return clocks, {each.clock_id: each for each in told}


async def _states(services: Services, tickets: Sequence[Ticket]) -> Mapping[tuple[str, str], Text]:
    kinds = sorted({ticket.request_type for ticket in tickets})
    found = await asyncio.gather(*(services.request_type(kind) for kind in kinds))
    return {
        (kind, key): name
        for kind, request_type in zip(kinds, found, strict=True)
        for key, name in request_type.states.items()
    }


async def _service_name(services: Services, ticket: Ticket) -> Text | None:
    return await services.service_name(ticket.service) if ticket.service else None


def _by_ticket(clocks: Sequence[Clock]) -> Mapping[str, Sequence[Clock]]:
    found: dict[str, list[Clock]] = {}
    for clock in clocks:
        found.setdefault(clock.ticket_id, []).append(clock)
    return found
