"""How it is written down: other services' events become commands, ours become messages.

The only file of notify that speaks both its own words and protobuf.
"""

from typing import cast

from google.protobuf.message import Message

from otklik.feedback.v1 import events_pb2 as feedback
from otklik.intake.v1 import events_pb2 as intake
from otklik.notify.v1 import delivery_pb2, events_pb2
from otklik.sla.v1 import clock_pb2
from otklik.sla.v1 import events_pb2 as sla
from otklik.tickets.v1 import events_pb2 as tickets
from otklik.type.v1 import channel_pb2
from otklik_notify.domain.commands import (
    AcknowledgeTicket,
    Deadline,
    NameDeadlines,
    RememberAccount,
    RememberMail,
)
from otklik_notify.domain.delivery import Delivery, State
from otklik_notify.domain.events import DeliveryAccepted, Event
from otklik_notify.domain.mail import Mail
from otklik_notify.domain.notices import ANSWER, RESOLUTION, SURVEY, Notice, Route
from otklik_runtime import instants
from otklik_runtime.envelope import Incoming

_Routed = (
    tickets.TicketOpened | tickets.MessageSent | tickets.TicketResolved | feedback.SurveyInvited
)
_CHANNEL = "CHANNEL_"
_CLOCK_KIND = "CLOCK_KIND_"
_STATES = {
    State.QUEUED: delivery_pb2.DELIVERY_STATE_QUEUED,
    State.SENDING: delivery_pb2.DELIVERY_STATE_SENDING,
    State.ACCEPTED: delivery_pb2.DELIVERY_STATE_ACCEPTED,
    State.FAILED: delivery_pb2.DELIVERY_STATE_FAILED,
}


def acknowledge_ticket(event: Incoming) -> AcknowledgeTicket:
    """Translate `TicketOpened`."""
    opened = cast(tickets.TicketOpened, event.message)
    return AcknowledgeTicket(
        ticket_id=opened.ticket_id,
        conversation_id=opened.conversation_id,
        number=opened.number,
        service=opened.service_display_name,
        locale=opened.locale,
        route=_route(opened),
        subject=opened.subject,
        internet_message_id=opened.internet_message_id,
        automatic=opened.automatic,
        traceparent=event.traceparent,
    )


def remember_mail(event: Incoming) -> RememberMail | None:
    """Translate `MessageAppended`; only a mail can be replied to."""
    appended = cast(tickets.MessageAppended, event.message)
    if not appended.internet_message_id:
        return None
    return RememberMail(
        conversation_id=appended.conversation_id,
        internet_message_id=appended.internet_message_id,
    )


def deliver_answer(event: Incoming) -> Notice:
    """Translate `MessageSent`."""
    sent = cast(tickets.MessageSent, event.message)
    return Notice(
        template=ANSWER,
        about_id=sent.message_id,
        conversation_id=sent.conversation_id,
        number=sent.number,
        locale=sent.locale,
        route=_route(sent),
        subject=sent.subject,
        in_reply_to=sent.in_reply_to,
        message_id=sent.message_id,
        facts={"text": sent.text, "author": sent.author_display_name},
        traceparent=event.traceparent,
    )


def tell_resolution(event: Incoming) -> Notice:
    """Translate `TicketResolved`."""
    resolved = cast(tickets.TicketResolved, event.message)
    return Notice(
        template=RESOLUTION,
        about_id=resolved.message_id,
        conversation_id=resolved.conversation_id,
        number=resolved.number,
        locale=resolved.locale,
        route=_route(resolved),
        subject=resolved.subject,
        in_reply_to=resolved.in_reply_to,
        message_id=resolved.message_id,
        facts={"text": resolved.resolution_text, "author": resolved.author_display_name},
        traceparent=event.traceparent,
    )


def name_deadlines(event: Incoming) -> NameDeadlines:
    """Translate `ClocksArmed`."""
    armed = cast(sla.ClocksArmed, event.message)
    return NameDeadlines(
        ticket_id=armed.ticket_id,
        conversation_id=armed.conversation_id,
        deadlines=tuple(
            Deadline(
                kind=clock_pb2.ClockKind.Name(deadline.kind).removeprefix(_CLOCK_KIND).lower(),
                due_at=instants.read(deadline.due_time),
                time_zone=deadline.time_zone,
            )
            for deadline in armed.deadlines
        ),
    )


def invite_to_rate(event: Incoming) -> Notice:
    """Translate `SurveyInvited`."""
    invited = cast(feedback.SurveyInvited, event.message)
    return Notice(
        template=SURVEY,
        about_id=invited.survey_id,
        conversation_id=invited.conversation_id,
        number=invited.ticket_number,
        locale=invited.locale,
        route=_route(invited),
        subject=invited.subject,
        in_reply_to=invited.in_reply_to,
        facts={"expires_at": instants.read(invited.expire_time)},
        traceparent=event.traceparent,
    )


def remember_account(event: Incoming) -> RememberAccount:
    """Translate `ChannelAccountChanged`."""
    account = cast(intake.ChannelAccountChanged, event.message).channel_account
    return RememberAccount(
        name=account.name,
        channel=_channel(account.channel),
        address=account.address,
        display_names={"ru": account.display_name.ru, "en": account.display_name.en},
        reply_account=account.reply_account,
    )


def message_of(event: Event) -> Message:
    """Write an event of ours."""
    if isinstance(event, DeliveryAccepted):
        return events_pb2.DeliveryAccepted(
            delivery_id=event.delivery_id,
            conversation_id=event.conversation_id,
            template=event.template,
            message_id=event.message_id,
            channel=_channel_number(event.channel),
            internet_message_id=event.internet_message_id,
            in_doubt=event.in_doubt,
        )
    return events_pb2.DeliveryFailed(
        delivery_id=event.delivery_id,
        conversation_id=event.conversation_id,
        template=event.template,
        message_id=event.message_id,
        channel=_channel_number(event.channel),
        reason=event.reason,
    )


def delivery_resource(delivery: Delivery, mail: Mail) -> delivery_pb2.Delivery:
    """Write a delivery as others see it."""
    return delivery_pb2.Delivery(
        name=f"deliveries/{delivery.id}",
        conversation_id=delivery.conversation_id,
        template=delivery.template,
        locale=delivery.locale,
        channel=_channel_number(delivery.channel),
        address=mail.recipient,
        state=_STATES[delivery.state],
        subject=mail.subject,
        text=mail.text,
        internet_message_id=delivery.internet_message_id,
        attempt_count=delivery.attempt_count,
        last_error=delivery.last_error or delivery.reason,
        create_time=instants.stamp(delivery.created_at),
        accept_time=instants.stamp(delivery.accepted_at),
        in_doubt=delivery.in_doubt,
        message_id=delivery.message_id,
    )


def state_asked(state: delivery_pb2.DeliveryState.ValueType) -> State | None:
    """Read the state a list is asked for; unspecified means any."""
    for known, number in _STATES.items():
        if number == state:
            return known
    return None


def _route(said: _Routed) -> Route | None:
    if not said.HasField("reply_route"):
        return None
    route = said.reply_route
    return Route(
        channel=_channel(route.channel),
        account=route.account,
        address=route.address,
    )


def _channel(number: channel_pb2.Channel.ValueType) -> str:
    return channel_pb2.Channel.Name(number).removeprefix(_CHANNEL).lower()


def _channel_number(name: str) -> channel_pb2.Channel.ValueType:
    return channel_pb2.Channel.Value(f"{_CHANNEL}{name.upper()}")
