"""How an event travels: CloudEvents and W3C trace context in headers, protobuf inside.

`Recorded` is an event as its owner wrote it down; `Incoming` is one as a reader receives it. The
subject follows from
the message's full name and ends in the aggregate's id:
`otklik.tickets.v1.ticket_opened.<conversation id>`.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError, Message

from otklik_runtime.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

MESSAGE_ID = "Nats-Msg-Id"
NOTHING = Empty()
"""Stands for a message that the reader has no use for."""

_VERSIONS = 2**63
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """One event row, ready to be published.

    `position` is its place in the owner's history, `version` its place among the events of its
    aggregate (1, 2, 3, ...).
    """

    position: int
    event_id: str
    type: str
    aggregate_id: str
    version: int
    subject: str
    payload: bytes
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    cause_id: str
    traceparent: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Incoming:
    """One event as a reader sees it.

    `message` is an Empty where the reader has no use for the type. `delivery_count` is 1 at the
    first delivery; `sequence` is its place in `stream`.
    """

    event_id: str
    type: str
    message: Message
    aggregate_id: str
    version: int
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    traceparent: str
    stream: str
    sequence: int
    delivery_count: int


@cache
def subject_prefix(type_name: str) -> str:
    """Return the subject of a message type without the id: `otklik.tickets.v1.ticket_opened`."""
    package, _, name = type_name.rpartition(".")
    return f"{package}.{_CAPITAL.sub('_', name).lower()}"


def stream_of(owner: str) -> str:
    """Return the name of an owner's stream: `OTKLIK_TICKETS`."""
    return f"OTKLIK_{owner.upper()}"


def durable_of(reader: str, owner: str) -> str:
    """Return the name of a reader's durable consumer on an owner's stream: `sla__tickets`."""
    return f"{reader}__{owner}"


def owner_of(type_name: str) -> str:
    """Return the service that says events of a type: `tickets`."""
    return type_name.split(".")[1]


@cache
def message_class(type_name: str) -> type[Message]:
    """Return the generated class of a message type.

    Raises:
        KeyError: no imported contract has it.
    """
    return message_factory.GetMessageClass(
        descriptor_pool.Default().FindMessageTypeByName(type_name)
    )


def headers_of(event: Recorded, owner: str) -> dict[str, str]:
    """Return the headers an event is published with."""
    headers = {
        MESSAGE_ID: event.event_id,
        "ce-specversion": "1.0",
        "ce-id": event.event_id,
        "ce-source": f"/otklik/{owner}",
        "ce-type": event.type,
        "ce-subject": event.aggregate_id,
        "ce-time": event.occurred_at.isoformat(),
        "ce-recordedtime": event.recorded_at.isoformat(),
        "ce-sequence": str(event.version),
        "ce-actor": event.actor,
        "ce-datacontenttype": "application/protobuf",
    }
    if event.cause_id:
        headers["ce-causationid"] = event.cause_id
    if event.traceparent:
        headers["traceparent"] = event.traceparent
    return headers


def size_of(headers: Mapping[str, str]) -> int:
    """Return how many bytes headers take on the wire."""
    lines = sum(len(name) + len(value.encode()) + 4 for name, value in headers.items())
    return len("NATS/1.0\r\n\r\n") + lines


def incoming(
    headers: Mapping[str, str] | None,
    payload: bytes,
    *,
    wanted: Mapping[str, type[Message]],
    stream: str,
    sequence: int,
    delivery_count: int,
) -> Incoming:
    """Read a published event; the payload only of the types that are wanted.

    Raises:
        InvalidInput: `undecodable`; headers are missing or wrong, or the payload is not of its
        type.
    """
    try:
        headers = headers or {}
        type_name = headers["ce-type"]
        event = Incoming(
            event_id=_identifier(headers["ce-id"]),
            type=type_name,
            message=wanted[type_name].FromString(payload) if type_name in wanted else NOTHING,
            aggregate_id=_identifier(headers["ce-subject"]),
            version=_version(headers["ce-sequence"]),
            occurred_at=instant(headers["ce-time"]),
            recorded_at=instant(headers["ce-recordedtime"]),
            actor=headers.get("ce-actor", ""),
            traceparent=headers.get("traceparent", ""),
            stream=stream,
            sequence=sequence,
            delivery_count=delivery_count,
        )
    except (KeyError, ValueError, OverflowError, DecodeError) as error:
        message = f"the event cannot be read: {type(error).__name__}: {error}"
        raise InvalidInput("undecodable", message) from error
    return event


def _identifier(text: str) -> str:
    return str(uuid.UUID(text))


def _version(text: str) -> int:
    version = int(text)
    if not 0 < version < _VERSIONS:
        message = "a version that cannot be"
        raise ValueError(message)
    return version


def instant(text: str) -> datetime:
    """Read an RFC 3339 instant.

    Raises:
        ValueError: it is none, or it has no offset.
    """
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        message = "an instant without offset"
        raise ValueError(message)
    return value.astimezone(UTC)
