"""Whose message may join which conversation.

A signed token or a References header shows that somebody has seen a mail of the conversation, not
that he takes part in it: mails are forwarded. So a message is appended only when its writer is the
ticket's customer, or the partner that opened it. Whoever else answers gets a conversation of his
own, and sees nothing of the first.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from otklik_tickets.domain.lifecycle import StateMeaning
from otklik_tickets.domain.ticket import Ticket


@dataclass(frozen=True, kw_only=True, slots=True)
class Writer:
    """Who wrote a message, as far as its channel proves it."""

    customer_id: str
    partner_id: str = ""
    proven: bool = True


def takes_part(writer: Writer, ticket: Ticket) -> bool:
    """Whether this writer takes part in this ticket's conversation."""
    if writer.partner_id:
        return writer.partner_id == ticket.partner_id
    return writer.proven and writer.customer_id == ticket.customer_id


class Conversations:
    """The conversations a batch of messages may join, kept up to date as they are decided."""

    def __init__(self, tickets: Iterable[Ticket]) -> None:
        """Begin with the tickets that exist."""
        self._own: dict[str, Ticket] = {}
        self._diverted: dict[str, list[Ticket]] = defaultdict(list)
        for ticket in tickets:
            self.add(ticket)

    def add(self, ticket: Ticket) -> None:
        """Know this ticket too."""
        self._own[ticket.conversation_id] = ticket
        if ticket.proposed_conversation_id:
            self._diverted[ticket.proposed_conversation_id].append(ticket)

    def exists(self, conversation_id: str) -> bool:
        """Whether the conversation belongs to a ticket already."""
        return conversation_id in self._own

    def home(self, conversation_id: str, writer: Writer, *, automatic: bool) -> Ticket | None:
        """The ticket a message of this writer, proposed for this conversation, is appended to.

        It is the conversation's own ticket, or the newest one that an earlier message of the same
        writer opened instead. A person who writes to a closed ticket opens a new one; a machine
        never does.
        """
        candidates = [*reversed(self._diverted.get(conversation_id, []))]
        if conversation_id in self._own:
            candidates.insert(0, self._own[conversation_id])
        own = [ticket for ticket in candidates if takes_part(writer, ticket)]
        for ticket in own:
            if ticket.state_meaning is not StateMeaning.CLOSED:
                return ticket
        return own[0] if own and automatic else None
