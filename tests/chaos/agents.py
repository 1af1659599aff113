"""The load's agents: they answer and resolve what the load's customers wrote."""

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from otklik.tickets.v1 import ticket_service_pb2, ticket_service_pb2_grpc
from otklik_runtime.ids import stable_id
from tests.chaos.doors import Refused, called
from tests.chaos.ledger import Attempt
from tools.local.callers import Callers

ANSWER, RESOLUTION = "answer", "resolution"
PAGE = 50


@dataclass(kw_only=True)
class Agent:
    """Takes the next ticket that nobody has worked on; answers it once and then resolves it.

    Not every ticket is resolved, so that customers' replies find tickets in every state. `share` is
    (this agent's number, how many agents there are): no two work on one ticket.
    """

    callers: Callers
    subject: str
    chance: random.Random
    share: tuple[int, int] = (0, 1)
    _waiting: deque[str] = field(default_factory=deque)
    _worked_on: set[str] = field(default_factory=set)
    _answered: str = ""
    _chosen: dict[str, str] = field(default_factory=dict)

    async def next_act(self) -> str:
        """Say what is to be done next: an answer, a resolution, or nothing yet.

        Raises:
            TryAgain: tickets does not answer.
        """
        if self._answered and self.chance.random() < 0.7:
            return RESOLUTION
        self._answered = ""
        if not self._waiting:
            await self._look()
        return ANSWER if self._waiting else ""

    async def send(self, attempt: Attempt) -> str:
        """Do the act."""
        resolves = attempt.door == RESOLUTION
        if attempt.token not in self._chosen:
            ticket = self._answered if resolves else self._waiting.popleft()
            self._answered = "" if resolves else ticket
            self._chosen = {attempt.token: ticket}
        ticket = self._chosen[attempt.token]
        request_id = stable_id("chaos", attempt.token)
        if resolves:
            request: Any = ticket_service_pb2.ResolveTicketRequest(
                name=ticket, resolution_text=f"Готово. {attempt.token}", request_id=request_id
            )
            answer = await called(self._stub(), "ResolveTicket", request)
        else:
            request = ticket_service_pb2.SendPublicMessageRequest(
                parent=ticket, text=f"Смотрим. {attempt.token}", request_id=request_id
            )
            answer = await called(self._stub(), "SendPublicMessage", request)
        return str(answer.name)

    async def close(self) -> None:
        """Leave the connection to the others who use it."""

    async def _look(self) -> None:
        request = ticket_service_pb2.ListTicketsRequest(page_size=PAGE)
        try:
            found = await called(self._stub(), "ListTickets", request)
        except Refused as refused:
            raise AssertionError("an agent may list tickets") from refused
        number, count = self.share
        fresh = [
            one.name
            for one in found.tickets
            if one.name not in self._worked_on and int(one.name[-4:], 16) % count == number
        ]
        self._worked_on.update(fresh)
        self._waiting.extend(fresh)

    async def _stub(self) -> Any:
        make = ticket_service_pb2_grpc.TicketServiceStub
        return await self.callers.person(self.subject, make, "tickets")
