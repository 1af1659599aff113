"""What every story needs: the doors of the desk, and the eyes to see what happens."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.rule import Rule

from otklik.intake.v1 import intake_service_pb2, intake_service_pb2_grpc, item_pb2
from otklik.tickets.v1 import ticket_service_pb2_grpc
from tools.local.callers import Callers
from tools.local.demo.facts import Facts
from tools.local.demo.post import Letterbox
from tools.local.demo.streams import Streams, Told
from tools.local.demo.timeline import NothingHappened, Timeline
from tools.local.failures import StackFailed
from tools.local.stack import Stack
from tools.pages.language import Phrase

AGENT = "dev-maria"
LEAD = "dev-oleg"
FATE_SECONDS = 20


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Where the stories are played."""

    stack: Stack
    console: Console
    facts: Facts
    streams: Streams
    callers: Callers
    letterbox: Letterbox

    def begin(self, title: Phrase) -> None:
        """Announce a story."""
        self.console.print()
        self.console.print(Rule(self.say(title), align="left", style="dim"))

    def say(self, phrase: Phrase, **facts: object) -> str:
        """Say something in the language of whoever watches."""
        text = phrase.ru if self.facts.language == "ru" else phrase.en
        return text.format(**facts)

    def timeline(self, conversation_id: str) -> Timeline:
        """Tell a conversation from its first event on."""
        return Timeline(
            streams=self.streams,
            reader=self.streams.reader(conversation_id),
            facts=self.facts,
            console=self.console,
        )

    async def tickets(
        self, subject: str = AGENT
    ) -> "ticket_service_pb2_grpc.TicketServiceAsyncStub":
        """Call tickets as one of the agents."""
        stub: Any = await self.callers.person(
            subject, ticket_service_pb2_grpc.TicketServiceStub, "tickets"
        )
        return stub  # type: ignore[no-any-return] # the stub made for an aio channel is asynchronous

    async def intake(self, subject: str = LEAD) -> "intake_service_pb2_grpc.IntakeServiceAsyncStub":
        """Call intake as one of the agents."""
        stub: Any = await self.callers.person(
            subject, intake_service_pb2_grpc.IntakeServiceStub, "intake"
        )
        return stub  # type: ignore[no-any-return] # as above

    async def fate(self, item: str, *, seconds: float = FATE_SECONDS) -> item_pb2.Item:
        """Wait until an item has left pending.

        Raises:
            NothingHappened: it is still pending.
        """
        intake = await self.intake()
        deadline = time.monotonic() + seconds
        while True:
            seen = await intake.GetItem(intake_service_pb2.GetItemRequest(name=item))
            if seen.state not in {
                item_pb2.ITEM_STATE_PENDING,
                item_pb2.ITEM_STATE_UNSPECIFIED,
            }:
                return seen
            if time.monotonic() > deadline:
                raise NothingHappened(f"{item} is still pending after {seconds:.0f} s")
            await asyncio.sleep(0.05)

    async def first(self, chosen: Callable[[Told], bool], *, after: dict[str, int]) -> Told:
        """Wait for an event of any conversation.

        Raises:
            NothingHappened: it did not come.
        """
        reader = self.streams.reader(after=after)
        deadline = time.monotonic() + FATE_SECONDS
        while time.monotonic() < deadline:
            for told in await reader.read():
                if chosen(told):
                    return told
            await self.streams.wait(0.25)
        raise NothingHappened(f"waited {FATE_SECONDS} s and nothing of it came to the streams")


def require(held: object, what: str) -> None:
    """Stop the story when what must hold does not.

    Raises:
        StackFailed: names it.
    """
    if not held:
        raise StackFailed(f"the story is wrong: {what}")
