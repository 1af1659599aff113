"""People, routes and names, in both languages: the domain's and the contract's."""

from typing import cast

from otklik.tickets.v1 import ticket_pb2
from otklik.type.v1 import actor_pb2, attachment_pb2, channel_pb2, localized_text_pb2
from otklik_runtime import ids
from otklik_runtime.errors import InvalidInput
from otklik_tickets.domain.actors import Actor, ActorKind
from otklik_tickets.domain.channels import Channel, ReplyRoute
from otklik_tickets.domain.lifecycle import StateMeaning
from otklik_tickets.domain.message import Attachment
from otklik_tickets.domain.priority import Level, Priority
from otklik_tickets.domain.texts import LocalizedText

# The domain's enumerations have the numbers of the contract, so a cast is all there is to do.


def channel_number(channel: Channel) -> channel_pb2.Channel.ValueType:
    """A channel as the contract numbers it."""
    return cast("channel_pb2.Channel.ValueType", int(channel))


def priority_number(priority: Priority) -> ticket_pb2.Priority.ValueType:
    """A priority as the contract numbers it."""
    return cast("ticket_pb2.Priority.ValueType", int(priority))


def level_number(level: Level) -> ticket_pb2.Level.ValueType:
    """A level as the contract numbers it."""
    return cast("ticket_pb2.Level.ValueType", int(level))


def meaning_number(meaning: StateMeaning) -> ticket_pb2.StateMeaning.ValueType:
    """A state's meaning as the contract numbers it."""
    return cast("ticket_pb2.StateMeaning.ValueType", int(meaning))


def actor_message(actor: Actor) -> actor_pb2.Actor:
    """An actor as protobuf."""
    return actor_pb2.Actor(kind=cast("actor_pb2.ActorKind.ValueType", int(actor.kind)), id=actor.id)


def actor_of(text: str) -> Actor:
    """The actor an event row names: `agent/<uuid>`, `service/tickets`."""
    kind, _, identifier = text.partition("/")
    known = ActorKind.__members__.get(kind.upper(), ActorKind.SERVICE)
    return Actor(kind=known, id=identifier)


def route_message(route: ReplyRoute | None) -> channel_pb2.ReplyRoute | None:
    """A reply route as protobuf; nothing where there is nowhere to answer to."""
    if route is None:
        return None
    return channel_pb2.ReplyRoute(
        channel=channel_number(route.channel), account=route.account, address=route.address
    )


def route_of(message: channel_pb2.ReplyRoute) -> ReplyRoute:
    """A reply route of the contract."""
    return ReplyRoute(
        channel=Channel(message.channel), account=message.account, address=message.address
    )


def attachment_message(attachment: Attachment) -> attachment_pb2.AttachmentReference:
    """An attachment as protobuf."""
    return attachment_pb2.AttachmentReference(
        attachment=attachment.attachment,
        filename=attachment.filename,
        content_type=attachment.content_type,
        size_bytes=attachment.size_bytes,
        sha256=attachment.sha256,
    )


def attachment_of(message: attachment_pb2.AttachmentReference) -> Attachment:
    """An attachment of the contract."""
    return Attachment(
        attachment=message.attachment,
        filename=message.filename,
        content_type=message.content_type,
        size_bytes=message.size_bytes,
        sha256=message.sha256,
    )


def text_message(text: LocalizedText) -> localized_text_pb2.LocalizedText:
    """A text in both languages as protobuf."""
    return localized_text_pb2.LocalizedText(ru=text.ru, en=text.en)


def text_of(message: localized_text_pb2.LocalizedText) -> LocalizedText:
    """A text in both languages of the contract."""
    return LocalizedText(ru=message.ru, en=message.en)


def id_of(name: str, collection: str, *, field: str) -> str:
    """The id in a resource name such as `customers/{customer}`.

    Raises:
        InvalidInput: the name is of another collection, or its id is none of ours.
    """
    prefix, _, identifier = name.partition("/")
    if prefix != collection or not ids.is_id(identifier):
        raise InvalidInput(
            "name_malformed", f"This must be `{collection}/` and an id in lower case.", field=field
        )
    return identifier


def message_id_of(name: str, ticket_id: str, *, field: str) -> str:
    """The id in the name of a public message of this ticket; empty stays empty."""
    if not name:
        return ""
    prefix = f"tickets/{ticket_id}/publicMessages/"
    identifier = name.removeprefix(prefix)
    if not name.startswith(prefix) or not ids.is_id(identifier):
        raise InvalidInput(
            "name_malformed",
            "This must name a public message of the ticket: "
            "`tickets/{ticket}/publicMessages/{public_message}`.",
            field=field,
        )
    return identifier
