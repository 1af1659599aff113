"""How tickets and messages stand in rows: both the repository and the views read them."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from otklik_tickets.domain.actors import Actor, ActorKind
from otklik_tickets.domain.channels import Channel, ReplyRoute
from otklik_tickets.domain.lifecycle import StateMeaning
from otklik_tickets.domain.message import Attachment, InternalNote, PublicMessage
from otklik_tickets.domain.priority import Level, Priority
from otklik_tickets.domain.ticket import Ticket

# In the order in which `ticket_of` unpacks them.
TICKET = """
    t.id::text, t.number, t.conversation_id::text, coalesce(t.proposed_conversation_id::text, ''),
    t.customer_id::text, coalesce(t.partner_id::text, ''), t.service, t.request_type, t.priority,
    t.impact, t.urgency, t.state, t.state_meaning, t.subject, coalesce(t.assignee_id::text, ''),
    t.channel, t.locale, t.reply_channel, t.reply_account, t.reply_address, t.internet_message_id,
    t.last_customer_message_id::text, t.automatic, t.episode, t.opened_at, t.changed_at,
    t.resolved_at, t.version
"""
TICKET_WIDTH = 28

PUBLIC_MESSAGE = """
    m.id::text, m.ticket_id::text, m.author_kind, m.author_id, m.author_display_name, m.text,
    m.created_at, m.channel, m.attachments::text, m.automatic, m.delivery_state
"""

INTERNAL_NOTE = """
    n.id::text, n.ticket_id::text, n.author_kind, n.author_id, n.author_display_name, n.text,
    n.created_at
"""


def ticket_of(row: Sequence[Any]) -> Ticket:
    """The ticket a row of `TICKET` holds."""
    reply_channel = row[17]
    route = None
    if reply_channel is not None:
        route = ReplyRoute(channel=Channel(reply_channel), account=row[18], address=row[19])
    return Ticket(
        id=row[0],
        number=row[1],
        conversation_id=row[2],
        proposed_conversation_id=row[3],
        customer_id=row[4],
        partner_id=row[5],
        service=row[6],
        request_type=row[7],
        priority=Priority(row[8]),
        impact=Level(row[9]),
        urgency=Level(row[10]),
        state=row[11],
        state_meaning=StateMeaning(row[12]),
        subject=row[13],
        assignee_id=row[14],
        channel=Channel(row[15]),
        locale=row[16],
        reply_route=route,
        internet_message_id=row[20],
        last_customer_message_id=row[21],
        automatic=row[22],
        episode=row[23],
        opened_at=row[24],
        changed_at=row[25],
        resolved_at=row[26],
        version=row[27],
    )


def row_of_ticket(ticket: Ticket) -> tuple[Any, ...]:
    """The values of a new row of `tables.tickets`, in the order of its columns."""
    route = ticket.reply_route
    return (
        ticket.id,
        ticket.number,
        ticket.conversation_id,
        ticket.proposed_conversation_id or None,
        ticket.customer_id,
        ticket.partner_id or None,
        ticket.service,
        ticket.request_type,
        ticket.priority,
        ticket.impact,
        ticket.urgency,
        ticket.state,
        ticket.state_meaning,
        ticket.subject,
        ticket.assignee_id or None,
        ticket.channel,
        ticket.locale,
        route.channel if route else None,
        route.account if route else "",
        route.address if route else "",
        ticket.internet_message_id,
        ticket.last_customer_message_id,
        ticket.automatic,
        ticket.episode,
        ticket.opened_at,
        ticket.changed_at,
        ticket.resolved_at,
        ticket.version,
    )


def message_of(row: Sequence[Any]) -> PublicMessage:
    """The message a row of `PUBLIC_MESSAGE` holds."""
    return PublicMessage(
        id=row[0],
        ticket_id=row[1],
        author=Actor(kind=ActorKind(row[2]), id=row[3]),
        author_display_name=row[4],
        text=row[5],
        created_at=row[6],
        channel=Channel(row[7]),
        attachments=tuple(Attachment(**each) for each in json.loads(row[8])),
        automatic=row[9],
        delivery_state=row[10],
    )


def row_of_message(message: PublicMessage) -> tuple[Any, ...]:
    """The values of a new row of `tables.public_messages`, in the order of its columns."""
    return (
        message.id,
        message.ticket_id,
        message.author.kind,
        message.author.id,
        message.author_display_name,
        message.text,
        message.channel,
        message.automatic,
        message.delivery_state,
        json.dumps([_plain(each) for each in message.attachments], ensure_ascii=False)
        if message.attachments
        else "[]",
        message.created_at,
    )


def note_of(row: Sequence[Any]) -> InternalNote:
    """The note a row of `INTERNAL_NOTE` holds."""
    created_at: datetime = row[6]
    return InternalNote(
        id=row[0],
        ticket_id=row[1],
        author=Actor(kind=ActorKind(row[2]), id=row[3]),
        author_display_name=row[4],
        text=row[5],
        created_at=created_at,
    )


def row_of_note(note: InternalNote) -> tuple[Any, ...]:
    """The values of a new row of `tables.internal_notes`, in the order of its columns."""
    return (
        note.id,
        note.ticket_id,
        note.author.kind,
        note.author.id,
        note.author_display_name,
        note.text,
        note.created_at,
    )


def _plain(attachment: Attachment) -> dict[str, object]:
    return {
        "attachment": attachment.attachment,
        "filename": attachment.filename,
        "content_type": attachment.content_type,
        "size_bytes": attachment.size_bytes,
        "sha256": attachment.sha256,
    }
