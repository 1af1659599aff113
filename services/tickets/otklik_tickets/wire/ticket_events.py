"""The history of a ticket, told from its event rows: what each changed, without personal data."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from otklik.tickets.v1 import events_pb2, ticket_pb2
from otklik_runtime import instants
from otklik_tickets.domain.shown import RecordedEvent
from otklik_tickets.wire.scalars import actor_message, actor_of
from otklik_tickets.wire.tickets import message_name

_PRIORITY_PREFIX = "PRIORITY_"

Changes = dict[str, str]


def ticket_events(rows: Iterable[RecordedEvent]) -> Iterator[ticket_pb2.TicketEvent]:
    """The changes in the order they happened. The rows must begin with the first one."""
    story = _Story()
    for row in rows:
        yield ticket_pb2.TicketEvent(
            version=row.version,
            type=row.type,
            occur_time=instants.stamp(row.occurred_at),
            record_time=instants.stamp(row.recorded_at),
            actor=actor_message(actor_of(row.actor)),
            changes=story.changes(row),
        )


@dataclass
class _Story:
    """What is known of the ticket so far: an event names what is, the story what was."""

    known: Changes = field(default_factory=dict)

    def changes(self, row: RecordedEvent) -> Changes:
        """What this event changed, and remember it."""
        reader = _READERS.get(row.type)
        if reader is None:
            return {}
        kind, read = reader
        after = read(kind.FromString(row.payload))
        told = {
            name: f"{self.known.get(name, '')} -> {value}".strip() for name, value in after.items()
        }
        self.known |= after
        return told


def _opened(event: events_pb2.TicketOpened) -> Changes:
    after = {
        "number": event.number,
        "service": event.service,
        "request_type": event.request_type,
        "priority": ticket_pb2.Priority.Name(event.priority).removeprefix(_PRIORITY_PREFIX),
        "state": event.state,
        "customer": f"customers/{event.customer_id}",
        "last_customer_message": message_name(event.ticket_id, event.message_id),
    }
    if event.proposed_conversation_id:
        after["proposed_conversation_id"] = event.proposed_conversation_id
    return after


def _appended(event: events_pb2.MessageAppended) -> Changes:
    name = "automatic_message" if event.automatic else "last_customer_message"
    return {name: message_name(event.ticket_id, event.message_id)}


def _rejected(event: events_pb2.MessageRejected) -> Changes:
    return {"rejected_item": f"items/{event.item_id}"}


def _sent(event: events_pb2.MessageSent) -> Changes:
    return {"last_desk_message": message_name(event.ticket_id, event.message_id)}


def _assigned(event: events_pb2.TicketAssigned) -> Changes:
    return {"assignee": f"agents/{event.agent_id}"}


def _state_changed(event: events_pb2.TicketStateChanged) -> Changes:
    return {"state": event.to_state}


def _resolved(event: events_pb2.TicketResolved) -> Changes:
    after = {"state": event.state, "episode": str(event.episode)}
    if event.message_id:
        after["last_desk_message"] = message_name(event.ticket_id, event.message_id)
    return after


def _reopened(event: events_pb2.TicketReopened) -> Changes:
    return {"state": event.state}


_READERS: dict[str, tuple[Any, Callable[[Any], Changes]]] = {
    kind.DESCRIPTOR.full_name: (kind, read)
    for kind, read in (
        (events_pb2.TicketOpened, _opened),
        (events_pb2.MessageAppended, _appended),
        (events_pb2.MessageRejected, _rejected),
        (events_pb2.MessageSent, _sent),
        (events_pb2.TicketAssigned, _assigned),
        (events_pb2.TicketStateChanged, _state_changed),
        (events_pb2.TicketResolved, _resolved),
        (events_pb2.TicketReopened, _reopened),
    )
}
