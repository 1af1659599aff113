"""The ticket: a customer's request and everything that is done about it.

Its methods change it and return the facts they made; the caller records those in the same
transaction.
"""

from dataclasses import dataclass
from datetime import datetime

from otklik_tickets.domain import actors, events
from otklik_tickets.domain.actors import Actor
from otklik_tickets.domain.catalogue import Classification
from otklik_tickets.domain.channels import Channel, ReplyRoute
from otklik_tickets.domain.errors import CustomerWroteAgain, EtagMismatch, TicketClosed, TicketTaken
from otklik_tickets.domain.lifecycle import (
    ANSWER,
    RESOLVE,
    TAKE,
    StateMatrix,
    StateMeaning,
    Transition,
)
from otklik_tickets.domain.message import PublicMessage
from otklik_tickets.domain.priority import Level, Priority


@dataclass(kw_only=True, slots=True)
class Ticket:
    """One ticket."""

    id: str
    number: str
    conversation_id: str
    proposed_conversation_id: str = ""
    customer_id: str
    partner_id: str = ""
    service: str
    request_type: str
    priority: Priority
    impact: Level
    urgency: Level
    state: str
    state_meaning: StateMeaning
    subject: str
    assignee_id: str = ""
    channel: Channel
    locale: str
    reply_route: ReplyRoute | None
    internet_message_id: str = ""
    last_customer_message_id: str
    automatic: bool = False
    episode: int = 0
    opened_at: datetime
    changed_at: datetime
    resolved_at: datetime | None = None
    version: int = 1

    @classmethod
    def open(
        cls,
        *,
        ticket_id: str,
        conversation_id: str,
        proposed_conversation_id: str,
        customer_id: str,
        partner_id: str,
        classification: Classification,
        subject: str,
        channel: Channel,
        locale: str,
        reply_route: ReplyRoute | None,
        internet_message_id: str,
        message_id: str,
        automatic: bool,
        received_at: datetime,
        now: datetime,
    ) -> "Ticket":
        """A new ticket in the initial state of its matrix. It gets its number when it is kept."""
        initial = classification.request_type.matrix.initial
        return cls(
            id=ticket_id,
            number="",
            conversation_id=conversation_id,
            proposed_conversation_id=proposed_conversation_id,
            customer_id=customer_id,
            partner_id=partner_id,
            service=classification.service.name,
            request_type=classification.request_type.name,
            priority=classification.priority,
            impact=classification.impact,
            urgency=classification.urgency,
            state=initial.key,
            state_meaning=initial.meaning,
            subject=subject,
            channel=channel,
            locale=locale,
            reply_route=reply_route,
            internet_message_id=internet_message_id,
            last_customer_message_id=message_id,
            automatic=automatic,
            opened_at=received_at,
            changed_at=now,
        )

    def opened(
        self,
        *,
        actor: Actor,
        segment: str,
        service_display_name: str,
        item_id: str = "",
        cause: str = "",
    ) -> events.TicketOpened:
        """The fact that this ticket was opened, as it stands now. It needs its number."""
        return events.TicketOpened(
            occurred_at=self.opened_at,
            actor=actor,
            cause=cause,
            conversation_id=self.conversation_id,
            ticket_id=self.id,
            number=self.number,
            item_id=item_id,
            proposed_conversation_id=self.proposed_conversation_id,
            customer_id=self.customer_id,
            segment=segment,
            service=self.service,
            service_display_name=service_display_name,
            request_type=self.request_type,
            priority=self.priority,
            channel=self.channel,
            reply_route=self.reply_route,
            locale=self.locale,
            subject=self.subject,
            automatic=self.automatic,
            internet_message_id=self.internet_message_id,
            state=self.state,
            message_id=self.last_customer_message_id,
        )

    @property
    def etag(self) -> str:
        """Changes with every change of the ticket."""
        return f'"{self.version}"'

    def expect(self, etag: str) -> None:
        """Refuse when somebody changed it since the caller read it; empty skips the check."""
        if etag not in ("", self.etag):
            raise EtagMismatch(self.etag)

    def append(
        self,
        message: PublicMessage,
        *,
        item_id: str,
        internet_message_id: str,
        reply_route: ReplyRoute | None,
        matrix: StateMatrix,
        now: datetime,
        cause: str = "",
    ) -> list[events.Event]:
        """Append a message of the customer's side.

        A machine's message changes nothing but that it is there: it does not reopen, is no reason
        to look again before answering, and answers do not go where it came from.
        """
        said: list[events.Event] = [
            events.MessageAppended(
                occurred_at=message.created_at,
                actor=message.author,
                cause=cause,
                conversation_id=self.conversation_id,
                ticket_id=self.id,
                item_id=item_id,
                message_id=message.id,
                automatic=message.automatic,
                internet_message_id=internet_message_id,
            )
        ]
        if not message.automatic:
            self.last_customer_message_id = message.id
            self.internet_message_id = internet_message_id
            self.reply_route = reply_route or self.reply_route
            self.automatic = False
            said += self._customer_wrote(message, matrix, cause=cause)
        self._changed(now)
        return said

    def answer(
        self,
        message: PublicMessage,
        *,
        last_customer_message_id: str,
        roles: frozenset[str],
        matrix: StateMatrix,
    ) -> list[events.Event]:
        """Send an agent's message, unless the customer wrote after what the agent has seen."""
        if self.state_meaning is StateMeaning.CLOSED:
            raise TicketClosed(self.id)
        if last_customer_message_id not in ("", self.last_customer_message_id):
            raise CustomerWroteAgain(self.id, self.last_customer_message_id)
        said: list[events.Event] = [
            events.MessageSent(
                occurred_at=message.created_at,
                actor=message.author,
                conversation_id=self.conversation_id,
                ticket_id=self.id,
                number=self.number,
                message_id=message.id,
                author_display_name=message.author_display_name,
                text=message.text,
                subject=self.subject,
                reply_route=self.reply_route,
                locale=self.locale,
                in_reply_to=self.internet_message_id,
            )
        ]
        transition = matrix.find(ANSWER, self.state, roles)
        if transition is not None and not transition.requires:
            said += self._move(
                transition, matrix, actor=message.author, occurred_at=message.created_at
            )
        self._changed(message.created_at)
        return said

    def take(
        self, agent_id: str, *, roles: frozenset[str], matrix: StateMatrix, now: datetime
    ) -> list[events.Event]:
        """Give the ticket to this agent; taking one's own again changes nothing."""
        if self.assignee_id == agent_id:
            return []
        if self.assignee_id:
            raise TicketTaken(self.assignee_id)
        actor = actors.agent(agent_id)
        transition = matrix.find(TAKE, self.state, roles)
        if transition is not None or self.state_meaning.over:
            transition = matrix.require(TAKE, self.state, roles, ())
        said: list[events.Event] = [
            events.TicketAssigned(
                occurred_at=now,
                actor=actor,
                conversation_id=self.conversation_id,
                ticket_id=self.id,
                agent_id=agent_id,
                previous_agent_id=self.assignee_id,
            )
        ]
        self.assignee_id = agent_id
        if transition is not None:
            said += self._move(transition, matrix, actor=actor, occurred_at=now)
        self._changed(now)
        return said

    def resolve(
        self, message: PublicMessage, *, roles: frozenset[str], matrix: StateMatrix
    ) -> list[events.Event]:
        """Resolve the ticket with the text of this message, which tells the customer how."""
        given = ("resolution_text",) if message.text.strip() else ()
        transition = matrix.require(RESOLVE, self.state, roles, given)
        self._enter(transition, matrix)
        self.episode += 1
        self.resolved_at = message.created_at
        self._changed(message.created_at)
        return [
            events.TicketResolved(
                occurred_at=message.created_at,
                actor=message.author,
                conversation_id=self.conversation_id,
                ticket_id=self.id,
                number=self.number,
                episode=self.episode,
                customer_id=self.customer_id,
                agent_id=message.author.id,
                resolution_text=message.text,
                subject=self.subject,
                reply_route=self.reply_route,
                locale=self.locale,
                in_reply_to=self.internet_message_id,
                service=self.service,
                state=self.state,
                message_id=message.id,
                author_display_name=message.author_display_name,
                automatic=self.automatic,
            )
        ]

    def transition(
        self,
        act: str,
        *,
        reason: str,
        actor: Actor,
        roles: frozenset[str],
        matrix: StateMatrix,
        now: datetime,
    ) -> list[events.Event]:
        """Make an act that does nothing but move the ticket."""
        given = ("reason",) if reason.strip() else ()
        transition = matrix.require(act, self.state, roles, given)
        said = self._move(transition, matrix, actor=actor, occurred_at=now, reason=reason)
        self._changed(now)
        return said

    def _customer_wrote(
        self, message: PublicMessage, matrix: StateMatrix, *, cause: str
    ) -> list[events.Event]:
        transition = matrix.customer_writes(self.state)
        if transition is None:
            return []
        return self._move(
            transition,
            matrix,
            actor=message.author,
            occurred_at=message.created_at,
            message_id=message.id,
            cause=cause,
        )

    def _move(
        self,
        transition: Transition,
        matrix: StateMatrix,
        *,
        actor: Actor,
        occurred_at: datetime,
        reason: str = "",
        message_id: str = "",
        cause: str = "",
    ) -> list[events.Event]:
        before, was_over = self.state, self.state_meaning.over
        if transition.to_state == before:
            return []
        self._enter(transition, matrix)
        if was_over and not self.state_meaning.over:
            self.resolved_at = None
            return [
                events.TicketReopened(
                    occurred_at=occurred_at,
                    actor=actor,
                    cause=cause,
                    conversation_id=self.conversation_id,
                    ticket_id=self.id,
                    message_id=message_id,
                    state=self.state,
                )
            ]
        return [
            events.TicketStateChanged(
                occurred_at=occurred_at,
                actor=actor,
                cause=cause,
                conversation_id=self.conversation_id,
                ticket_id=self.id,
                act=transition.act,
                from_state=before,
                to_state=self.state,
                meaning=self.state_meaning,
                reason=reason,
            )
        ]

    def _enter(self, transition: Transition, matrix: StateMatrix) -> None:
        self.state = transition.to_state
        self.state_meaning = matrix.states[transition.to_state].meaning

    def _changed(self, now: datetime) -> None:
        self.changed_at = max(now, self.changed_at)
        self.version += 1
