"""`make follow ID=...`: one conversation in every service, from its first message on, then live."""

import re

from rich.console import Console

from otklik.tickets.v1 import ticket_service_pb2, ticket_service_pb2_grpc
from tools.local.callers import Callers, CallRefused
from tools.local.demo.facts import Facts
from tools.local.demo.streams import Streams
from tools.local.demo.timeline import Timeline
from tools.local.failures import StackFailed
from tools.local.stack import Stack
from tools.pages.language import Language

READER = "dev-oleg"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class NoSuchConversation(StackFailed):
    """Nothing is known under this id."""

    def __init__(self, wanted: str) -> None:
        """Say what can be given."""
        super().__init__(
            f"nothing is known as {wanted!r}: give a conversation id, a ticket's number such as "
            "OT-000001, or a ticket's name such as tickets/<uuid>",
        )


async def follow(
    stack: Stack, wanted: str, console: Console, *, language: Language, once: bool
) -> None:
    """Print a conversation's events from the beginning, then as they come."""
    async with Streams(stack.ports, stack.secrets) as streams:
        conversation_id = await conversation_of(stack, wanted)
        timeline = Timeline(
            streams=streams,
            reader=streams.reader(conversation_id),
            facts=Facts(language),
            console=console,
        )
        if not await timeline.more():
            raise NoSuchConversation(wanted)
        while not once:
            await streams.wait(1.0)
            await timeline.more()


async def conversation_of(stack: Stack, wanted: str) -> str:
    """Find the conversation that a person means."""
    wanted = wanted.strip()
    if not wanted:
        raise NoSuchConversation(wanted)
    if UUID.fullmatch(wanted):
        return wanted
    async with Callers(stack.ports, stack.secrets) as callers:
        tickets = await callers.person(READER, ticket_service_pb2_grpc.TicketServiceStub, "tickets")
        try:
            if wanted.startswith("tickets/"):
                asked = ticket_service_pb2.GetTicketRequest(name=wanted)
                return str((await tickets.GetTicket(asked)).conversation_id)
            listed = await tickets.ListTickets(
                ticket_service_pb2.ListTicketsRequest(number=wanted.upper())
            )
        except CallRefused as refused:
            raise NoSuchConversation(wanted) from refused
    if not listed.tickets:
        raise NoSuchConversation(wanted)
    return str(listed.tickets[0].conversation_id)
