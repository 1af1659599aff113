"""Other services' events as what they ask of tickets."""

from collections.abc import Sequence
from typing import cast

from google.protobuf.timestamp_pb2 import Timestamp

from otklik.intake.v1 import events_pb2 as intake
from otklik.notify.v1 import events_pb2 as notify
from otklik.sla.v1 import clock_pb2
from otklik.sla.v1 import events_pb2 as sla
from otklik_runtime import instants
from otklik_runtime.envelope import Incoming
from otklik_tickets.domain.channels import Channel
from otklik_tickets.domain.commands import HearMessage, ShowClock, ShowDelivery
from otklik_tickets.domain.message import ACCEPTED, FAILED, IN_DOUBT
from otklik_tickets.wire.scalars import attachment_of, route_of

_CLOCK_PREFIX = "CLOCK_KIND_"
_FIRST = 1


def hear_message(event: Incoming) -> HearMessage:
    """A received message asks for a decision."""
    message = cast("intake.MessageReceived", event.message)
    return HearMessage(
        item_id=message.item_id,
        conversation_id=message.conversation_id,
        channel=Channel(message.channel),
        sender_address=message.sender_address,
        sender_name=message.sender_name,
        subject=message.subject,
        text=message.text,
        attachments=tuple(attachment_of(each) for each in message.attachments),
        locale=message.locale,
        service=message.service,
        received_at=instants.read(message.receive_time),
        reply_route=route_of(message.reply_route),
        automatic=message.automatic,
        internet_message_id=message.internet_message_id,
        partner_id=message.partner_id,
        cause=event.event_id,
    )


def clocks_armed(event: Incoming) -> Sequence[ShowClock]:
    """The clocks of a new ticket have deadlines."""
    message = cast("sla.ClocksArmed", event.message)
    return [
        _clock(message.ticket_id, deadline.kind, _FIRST, due=deadline.due_time)
        for deadline in message.deadlines
    ]


def clock_runs(event: Incoming) -> Sequence[ShowClock]:
    """A clock started, resumed, moved or waits again: it has this deadline now, or none."""
    message = cast(
        "sla.ClockStarted | sla.ClockResumed | sla.ClockDeadlineMoved | sla.ClockVerdictWithdrawn",
        event.message,
    )
    due = message.due_time if message.HasField("due_time") else None
    return [_clock(message.ticket_id, message.kind, message.instance, due=due)]


def clock_stands(event: Incoming) -> Sequence[ShowClock]:
    """A clock is paused, met or ended: it has no deadline now."""
    message = cast("sla.ClockPaused | sla.ClockMet | sla.ClockCancelled", event.message)
    return [_clock(message.ticket_id, message.kind, message.instance, due=None)]


def clock_breached(event: Incoming) -> Sequence[ShowClock]:
    """A clock passed its deadline: it stays the one to look at until it is met."""
    message = cast("sla.ClockBreached", event.message)
    return [
        _clock(
            message.ticket_id,
            message.kind,
            message.instance,
            due=message.due_time if message.HasField("due_time") else None,
            breached=True,
        )
    ]


def delivery_accepted(event: Incoming) -> ShowDelivery | None:
    """The receiving side has the message; nothing to show for automatic ones."""
    message = cast("notify.DeliveryAccepted", event.message)
    if not message.message_id:
        return None
    state = IN_DOUBT if message.in_doubt else ACCEPTED
    return ShowDelivery(message_id=message.message_id, delivery_state=state)


def delivery_failed(event: Incoming) -> ShowDelivery | None:
    """The message did not reach the customer; nothing to show for automatic ones."""
    message = cast("notify.DeliveryFailed", event.message)
    if not message.message_id:
        return None
    return ShowDelivery(message_id=message.message_id, delivery_state=FAILED)


def _clock(
    ticket_id: str,
    kind: clock_pb2.ClockKind.ValueType,
    instance: int,
    *,
    due: Timestamp | None,
    breached: bool = False,
) -> ShowClock:
    name = clock_pb2.ClockKind.Name(kind)
    return ShowClock(
        ticket_id=ticket_id,
        kind=name.removeprefix(_CLOCK_PREFIX).lower(),
        instance=max(instance, _FIRST),
        due_at=None if due is None else instants.read(due),
        breached=breached,
    )
