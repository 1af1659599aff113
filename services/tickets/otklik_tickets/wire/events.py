"""The facts of the domain as the events of the contract."""

from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message

from otklik.tickets.v1 import events_pb2
from otklik_runtime import instants
from otklik_tickets.domain import events
from otklik_tickets.wire.directory import customer_message
from otklik_tickets.wire.scalars import (
    actor_message,
    channel_number,
    meaning_number,
    priority_number,
    route_message,
)


def event_message(event: events.Event) -> Message:
    """The event of the contract that says this fact."""
    return _WRITERS[type(event)](event)


def _ticket_opened(event: events.TicketOpened) -> Message:
    return events_pb2.TicketOpened(
        ticket_id=event.ticket_id,
        number=event.number,
        conversation_id=event.conversation_id,
        item_id=event.item_id,
        proposed_conversation_id=event.proposed_conversation_id,
        customer_id=event.customer_id,
        segment=event.segment,
        service=event.service,
        request_type=event.request_type,
        priority=priority_number(event.priority),
        channel=channel_number(event.channel),
        reply_route=route_message(event.reply_route),
        locale=event.locale,
        subject=event.subject,
        receive_time=instants.stamp(event.occurred_at),
        automatic=event.automatic,
        internet_message_id=event.internet_message_id,
        opener=actor_message(event.actor),
        state=event.state,
        message_id=event.message_id,
        service_display_name=event.service_display_name,
    )


def _message_appended(event: events.MessageAppended) -> Message:
    return events_pb2.MessageAppended(
        ticket_id=event.ticket_id,
        conversation_id=event.conversation_id,
        item_id=event.item_id,
        message_id=event.message_id,
        author=actor_message(event.actor),
        receive_time=instants.stamp(event.occurred_at),
        automatic=event.automatic,
        internet_message_id=event.internet_message_id,
    )


def _message_rejected(event: events.MessageRejected) -> Message:
    return events_pb2.MessageRejected(
        item_id=event.item_id, conversation_id=event.conversation_id, reason=event.reason
    )


def _message_sent(event: events.MessageSent) -> Message:
    return events_pb2.MessageSent(
        ticket_id=event.ticket_id,
        number=event.number,
        conversation_id=event.conversation_id,
        message_id=event.message_id,
        author=actor_message(event.actor),
        author_display_name=event.author_display_name,
        text=event.text,
        subject=event.subject,
        reply_route=route_message(event.reply_route),
        locale=event.locale,
        in_reply_to=event.in_reply_to,
    )


def _ticket_assigned(event: events.TicketAssigned) -> Message:
    return events_pb2.TicketAssigned(
        ticket_id=event.ticket_id,
        conversation_id=event.conversation_id,
        agent_id=event.agent_id,
        previous_agent_id=event.previous_agent_id,
    )


def _ticket_state_changed(event: events.TicketStateChanged) -> Message:
    return events_pb2.TicketStateChanged(
        ticket_id=event.ticket_id,
        conversation_id=event.conversation_id,
        act=event.act,
        from_state=event.from_state,
        to_state=event.to_state,
        meaning=meaning_number(event.meaning),
        reason=event.reason,
    )


def _ticket_resolved(event: events.TicketResolved) -> Message:
    return events_pb2.TicketResolved(
        ticket_id=event.ticket_id,
        number=event.number,
        conversation_id=event.conversation_id,
        episode=event.episode,
        customer_id=event.customer_id,
        agent_id=event.agent_id,
        resolution_text=event.resolution_text,
        subject=event.subject,
        reply_route=route_message(event.reply_route),
        locale=event.locale,
        in_reply_to=event.in_reply_to,
        service=event.service,
        state=event.state,
        message_id=event.message_id,
        author_display_name=event.author_display_name,
        automatic=event.automatic,
    )


def _ticket_reopened(event: events.TicketReopened) -> Message:
    return events_pb2.TicketReopened(
        ticket_id=event.ticket_id,
        conversation_id=event.conversation_id,
        message_id=event.message_id,
        state=event.state,
    )


def _customer_changed(event: events.CustomerChanged) -> Message:
    return events_pb2.CustomerChanged(customer=customer_message(event.customer))


_WRITERS: dict[type, Callable[[Any], Message]] = {
    events.TicketOpened: _ticket_opened,
    events.MessageAppended: _message_appended,
    events.MessageRejected: _message_rejected,
    events.MessageSent: _message_sent,
    events.TicketAssigned: _ticket_assigned,
    events.TicketStateChanged: _ticket_state_changed,
    events.TicketResolved: _ticket_resolved,
    events.TicketReopened: _ticket_reopened,
    events.CustomerChanged: _customer_changed,
}
