"""What agents do with a ticket: take it, answer, note, resolve, move it along its matrix."""

from dataclasses import replace

from otklik_runtime import ids
from otklik_tickets.domain import actors
from otklik_tickets.domain.channels import Channel
from otklik_tickets.domain.commands import (
    AddInternalNote,
    ResolveTicket,
    SendPublicMessage,
    TakeTicket,
    TransitionTicket,
    Worker,
)
from otklik_tickets.domain.errors import ActHasItsOwnMethod, AgentNotFound
from otklik_tickets.domain.lifecycle import ANSWER, RESOLVE, TAKE, StateMatrix
from otklik_tickets.domain.message import QUEUED, InternalNote, PublicMessage
from otklik_tickets.domain.shown import ShownTicket
from otklik_tickets.domain.staff import Agent
from otklik_tickets.domain.ticket import Ticket
from otklik_tickets.ports import UnitOfWork

_OWN_METHODS = {TAKE: "TakeTicket", ANSWER: "SendPublicMessage", RESOLVE: "ResolveTicket"}


async def send_public_message(unit: UnitOfWork, command: SendPublicMessage) -> PublicMessage:
    """Answer the customer and say `MessageSent`, unless the customer was faster."""
    ticket = await unit.tickets.lock(command.ticket_id)
    agent = await _agent(unit, command.by)
    message = _from_agent(unit, ticket, agent, command.text)
    said = ticket.answer(
        message,
        last_customer_message_id=command.last_customer_message_id,
        roles=command.by.roles,
        matrix=await _matrix(unit, ticket),
    )
    await unit.tickets.add_messages([message])
    await unit.tickets.save([ticket])
    for event in said:
        unit.record(event)
    return message


async def add_internal_note(unit: UnitOfWork, command: AddInternalNote) -> InternalNote:
    """Keep a note for the desk. Nothing is said: no other service has any business with it."""
    ticket = await unit.tickets.lock(command.ticket_id)
    agent = await _agent(unit, command.by)
    note = InternalNote(
        id=ids.new_id(),
        ticket_id=ticket.id,
        author=actors.agent(agent.id),
        author_display_name=agent.display_name,
        text=command.text,
        created_at=unit.now,
    )
    await unit.tickets.add_note(note)
    return note


async def take_ticket(unit: UnitOfWork, command: TakeTicket) -> ShownTicket:
    """Give the ticket to the agent who asks; of two who ask at once one gets it."""
    ticket = await unit.tickets.lock(command.ticket_id)
    ticket.expect(command.etag)
    said = ticket.take(
        command.by.agent_id,
        roles=command.by.roles,
        matrix=await _matrix(unit, ticket),
        now=unit.now,
    )
    if said:
        await unit.tickets.save([ticket])
    for event in said:
        unit.record(event)
    return await _shown(unit, ticket, command.by)


async def resolve_ticket(unit: UnitOfWork, command: ResolveTicket) -> ShownTicket:
    """Resolve the ticket; the resolution text is the public message that tells the customer."""
    ticket = await unit.tickets.lock(command.ticket_id)
    ticket.expect(command.etag)
    agent = await _agent(unit, command.by)
    message = _from_agent(unit, ticket, agent, command.resolution_text)
    said = ticket.resolve(message, roles=command.by.roles, matrix=await _matrix(unit, ticket))
    await unit.tickets.add_messages([message])
    await unit.tickets.save([ticket])
    for event in said:
        unit.record(event)
    return await _shown(unit, ticket, command.by)


async def transition_ticket(unit: UnitOfWork, command: TransitionTicket) -> ShownTicket:
    """Make an act of the state matrix that does nothing but move the ticket."""
    if command.act in _OWN_METHODS:
        raise ActHasItsOwnMethod(command.act, _OWN_METHODS[command.act])
    ticket = await unit.tickets.lock(command.ticket_id)
    ticket.expect(command.etag)
    said = ticket.transition(
        command.act,
        reason=command.reason,
        actor=actors.agent(command.by.agent_id),
        roles=command.by.roles,
        matrix=await _matrix(unit, ticket),
        now=unit.now,
    )
    await unit.tickets.save([ticket])
    for event in said:
        unit.record(event)
    return await _shown(unit, ticket, command.by)


async def _shown(unit: UnitOfWork, ticket: Ticket, worker: Worker) -> ShownTicket:
    matrix = await _matrix(unit, ticket)
    allowed = tuple(matrix.allowed(ticket.state, worker.roles))
    return replace(await unit.tickets.shown(ticket), allowed=allowed)


async def _matrix(unit: UnitOfWork, ticket: Ticket) -> StateMatrix:
    return (await unit.desk.catalogue()).matrix(ticket.request_type)


async def _agent(unit: UnitOfWork, worker: Worker) -> Agent:
    agent = await unit.directory.agent(worker.agent_id)
    if agent is None:
        raise AgentNotFound(worker.agent_id)
    return agent


def _from_agent(unit: UnitOfWork, ticket: Ticket, agent: Agent, text: str) -> PublicMessage:
    route = ticket.reply_route
    return PublicMessage(
        id=ids.new_id(),
        ticket_id=ticket.id,
        author=actors.agent(agent.id),
        author_display_name=agent.display_name,
        text=text,
        created_at=unit.now,
        channel=route.channel if route is not None else Channel.PORTAL,
        delivery_state=QUEUED if route is not None else "",
    )
