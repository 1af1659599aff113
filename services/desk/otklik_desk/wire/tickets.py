"""Tickets, messages and histories out of protobuf."""

from datetime import datetime

from google.protobuf.message import Message as Protobuf

from otklik.tickets.v1 import catalogue_pb2, ticket_pb2
from otklik.type.v1 import actor_pb2, attachment_pb2, channel_pb2, localized_text_pb2
from otklik_desk.domain.texts import Text
from otklik_desk.domain.tickets import (
    Attachment,
    AuthorKind,
    Change,
    Message,
    Move,
    Note,
    RequestType,
    StateMeaning,
    Ticket,
)
from otklik_runtime import instants

_AUTHORS = {
    actor_pb2.ACTOR_KIND_AGENT: AuthorKind.AGENT,
    actor_pb2.ACTOR_KIND_CUSTOMER: AuthorKind.CUSTOMER,
    actor_pb2.ACTOR_KIND_PARTNER: AuthorKind.PARTNER,
}


def ticket_of(message: ticket_pb2.Ticket) -> Ticket:
    """Read a ticket."""
    return Ticket(
        id=last_part(message.name),
        number=message.number,
        conversation_id=message.conversation_id,
        customer_name=message.customer_display_name,
        service=message.service,
        request_type=message.request_type,
        priority=ticket_pb2.Priority.Name(message.priority).removeprefix("PRIORITY_"),
        state=message.state,
        meaning=meaning_of(message.state_meaning),
        subject=message.subject,
        assignee_id=last_part(message.assignee),
        channel=channel_of(message.channel),
        locale=message.locale,
        created_at=instants.read(message.create_time),
        updated_at=instants.read(message.update_time),
        resolved_at=instant_in(message, "resolve_time"),
        last_customer_message=message.last_customer_message,
        etag=message.etag,
        moves=tuple(
            Move(act=move.act, to_state=move.to_state, requires=tuple(move.requires))
            for move in message.allowed_transitions
        ),
    )


def message_of(message: ticket_pb2.PublicMessage) -> Message:
    """Read a public message."""
    return Message(
        name=message.name,
        author=author_of(message.author),
        author_name=message.author_display_name,
        text=message.text,
        at=instants.read(message.create_time),
        channel=channel_of(message.channel),
        attachments=tuple(attachment_of(each) for each in message.attachments),
        delivery_state=message.delivery_state,
    )


def note_of(message: ticket_pb2.InternalNote) -> Note:
    """Read an internal note."""
    return Note(
        id=last_part(message.name),
        author_name=message.author_display_name,
        text=message.text,
        at=instants.read(message.create_time),
    )


def change_of(message: ticket_pb2.TicketEvent) -> Change:
    """Read one change of a ticket's history."""
    return Change(
        version=message.version,
        type=message.type.rpartition(".")[2],
        at=instants.read(message.occur_time),
        actor=author_of(message.actor),
        actor_id=message.actor.id,
        changes=dict(message.changes),
    )


def request_type_of(message: catalogue_pb2.RequestType) -> RequestType:
    """Read what a kind of request and its states are called."""
    return RequestType(
        name=text_of(message.display_name),
        states={state.key: text_of(state.display_name) for state in message.states},
    )


def attachment_of(message: attachment_pb2.AttachmentReference) -> Attachment:
    """Read what a file is."""
    return Attachment(
        id=last_part(message.attachment),
        filename=message.filename,
        size_bytes=message.size_bytes,
    )


def text_of(message: localized_text_pb2.LocalizedText) -> Text:
    """Read a text in both languages."""
    return Text(ru=message.ru, en=message.en)


def author_of(message: actor_pb2.Actor) -> AuthorKind:
    """Read who wrote or did something; nobody in particular is one of our services."""
    return _AUTHORS.get(message.kind, AuthorKind.SERVICE)


def channel_of(channel: channel_pb2.Channel.ValueType) -> str:
    """Read a channel: `email`, `web_form`."""
    return channel_pb2.Channel.Name(channel).removeprefix("CHANNEL_").lower()


def meaning_of(meaning: ticket_pb2.StateMeaning.ValueType) -> StateMeaning:
    """Read what a state means."""
    name = ticket_pb2.StateMeaning.Name(meaning).removeprefix("STATE_MEANING_").lower()
    return StateMeaning(name)


def meaning_number(meaning: StateMeaning) -> ticket_pb2.StateMeaning.ValueType:
    """Write what a state means."""
    return ticket_pb2.StateMeaning.Value(f"STATE_MEANING_{meaning.upper()}")


def last_part(name: str) -> str:
    """Give the id at the end of a resource name."""
    return name.rpartition("/")[2]


def instant_in(message: Protobuf, field: str) -> datetime | None:
    """Read an instant that may be unset."""
    return instants.read(getattr(message, field)) if message.HasField(field) else None
