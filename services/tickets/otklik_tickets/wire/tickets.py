"""Tickets, messages and notes in protobuf.

What only the desk should know of a ticket - who works on it, what may be done with it - is left out
for everybody else.
"""

from otklik.tickets.v1 import ticket_pb2
from otklik.type.v1 import actor_pb2
from otklik_runtime import instants
from otklik_tickets.domain.actors import ActorKind
from otklik_tickets.domain.message import InternalNote, PublicMessage
from otklik_tickets.domain.shown import ShownTicket
from otklik_tickets.wire.scalars import (
    actor_message,
    attachment_message,
    channel_number,
    level_number,
    meaning_number,
    priority_number,
)


def ticket_message(shown: ShownTicket, *, for_desk: bool) -> ticket_pb2.Ticket:
    """A ticket as protobuf."""
    ticket = shown.ticket
    message = ticket_pb2.Ticket(
        name=f"tickets/{ticket.id}",
        number=ticket.number,
        conversation_id=ticket.conversation_id,
        customer=f"customers/{ticket.customer_id}",
        service=ticket.service,
        request_type=ticket.request_type,
        priority=priority_number(ticket.priority),
        impact=level_number(ticket.impact),
        urgency=level_number(ticket.urgency),
        state=ticket.state,
        state_meaning=meaning_number(ticket.state_meaning),
        subject=ticket.subject,
        channel=channel_number(ticket.channel),
        locale=ticket.locale,
        create_time=instants.stamp(ticket.opened_at),
        update_time=instants.stamp(ticket.changed_at),
        resolve_time=instants.stamp(ticket.resolved_at),
        last_customer_message=message_name(ticket.id, ticket.last_customer_message_id),
        etag=ticket.etag,
        customer_display_name=shown.customer_display_name,
    )
    if shown.deadline is not None:
        message.next_due_time.CopyFrom(instants.stamp(shown.deadline.due_at))
        message.next_due_clock = shown.deadline.clock
        message.next_due_breached = shown.deadline.breached
    if for_desk:
        message.assignee = f"agents/{ticket.assignee_id}" if ticket.assignee_id else ""
        message.allowed_transitions.extend(
            ticket_pb2.AllowedTransition(
                act=move.act, to_state=move.to_state, requires=move.requires
            )
            for move in shown.allowed
        )
    return message


def public_message_message(message: PublicMessage, *, for_desk: bool) -> ticket_pb2.PublicMessage:
    """A public message as protobuf. Outside the desk its agent is a name, not an account."""
    author = actor_message(message.author)
    if not for_desk and message.author.kind is ActorKind.AGENT:
        author = actor_pb2.Actor(kind=author.kind)
    return ticket_pb2.PublicMessage(
        name=message_name(message.ticket_id, message.id),
        author=author,
        author_display_name=message.author_display_name,
        text=message.text,
        attachments=[attachment_message(each) for each in message.attachments],
        create_time=instants.stamp(message.created_at),
        channel=channel_number(message.channel),
        delivery_state=message.delivery_state,
    )


def internal_note_message(note: InternalNote) -> ticket_pb2.InternalNote:
    """An internal note as protobuf."""
    return ticket_pb2.InternalNote(
        name=f"tickets/{note.ticket_id}/internalNotes/{note.id}",
        author=actor_message(note.author),
        author_display_name=note.author_display_name,
        text=note.text,
        create_time=instants.stamp(note.created_at),
    )


def message_name(ticket_id: str, message_id: str) -> str:
    """The resource name of a public message."""
    return f"tickets/{ticket_id}/publicMessages/{message_id}"
