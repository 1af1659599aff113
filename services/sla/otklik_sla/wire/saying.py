"""What sla says, as events."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

from google.protobuf.message import Message

from otklik.sla.v1 import events_pb2
from otklik_runtime import instants
from otklik_sla.domain import events
from otklik_sla.domain.events import ClockFact
from otklik_sla.domain.replay import Arming
from otklik_sla.domain.ticket_events import Armed, Happened, TicketEvent
from otklik_sla.wire.parts import clock_id_of, kind_of

_ARMINGS = {
    Arming.ARMED: events_pb2.ARMING_OUTCOME_ARMED,
    Arming.NO_POLICY: events_pb2.ARMING_OUTCOME_NO_POLICY,
    Arming.NOT_APPLICABLE: events_pb2.ARMING_OUTCOME_NOT_APPLICABLE,
}
_MESSAGES: Mapping[type[ClockFact], Callable[..., Message]] = {
    events.ClockStarted: events_pb2.ClockStarted,
    events.ClockPaused: events_pb2.ClockPaused,
    events.ClockResumed: events_pb2.ClockResumed,
    events.ClockDeadlineMoved: events_pb2.ClockDeadlineMoved,
    events.ClockMet: events_pb2.ClockMet,
    events.ClockConfirmed: events_pb2.ClockConfirmed,
    events.ClockBreached: events_pb2.ClockBreached,
    events.ClockCancelled: events_pb2.ClockCancelled,
    events.VerdictWithdrawn: events_pb2.ClockVerdictWithdrawn,
}
_INSTANTS = {"due_time": "deadline", "previous_due_time": "deadline_before"}


def occurred_at(event: TicketEvent) -> datetime:
    """Return when an event of sla happened."""
    return event.occurred_at if isinstance(event, Armed) else event.fact.occurred_at


def message_of(event: TicketEvent) -> Message:
    """Write an event of sla."""
    return _armed(event) if isinstance(event, Armed) else _happened(event)


def _armed(event: Armed) -> events_pb2.ClocksArmed:
    return events_pb2.ClocksArmed(
        ticket_id=event.ticket_id,
        conversation_id=event.conversation_id,
        outcome=_ARMINGS[event.arming],
        policy=event.policy if event.clocks else "",
        deadlines=[
            events_pb2.Deadline(
                kind=kind_of(clock.kind),
                due_time=instants.stamp(clock.deadline),
                time_zone=clock.calendar.zone,
            )
            for clock in event.clocks
            if clock.deadline is not None
        ],
    )


def _happened(event: Happened) -> Message:
    fact = event.fact
    # Each message has the same five fields first; what else it has is read from the fact.
    message: Any = _MESSAGES[type(fact)](
        ticket_id=event.ticket_id,
        conversation_id=event.conversation_id,
        clock_id=clock_id_of(event.conversation_id, fact.kind, fact.anchor),
        kind=kind_of(fact.kind),
        instance=fact.instance,
    )
    for name, attribute in _INSTANTS.items():
        instant = getattr(fact, attribute, None)
        if instant is not None and name in message.DESCRIPTOR.fields_by_name:
            getattr(message, name).FromDatetime(instant)
    match fact:
        case events.ClockPaused(reason=reason) | events.ClockCancelled(reason=reason):
            message.reason = reason
        case events.ClockMet(worked_seconds=worked, late=late):
            message.elapsed.seconds, message.late = worked, late
        case events.VerdictWithdrawn(verdict=verdict):
            message.verdict = verdict
    return cast("Message", message)
