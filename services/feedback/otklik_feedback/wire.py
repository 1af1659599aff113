"""How it is written down: other services' events become commands, ours become messages.

The only file of feedback that speaks both its own words and protobuf.
"""

from typing import cast

from google.protobuf.message import Message

from otklik.feedback.v1 import events_pb2, rating_pb2
from otklik.intake.v1 import events_pb2 as intake
from otklik.sla.v1 import clock_pb2
from otklik.sla.v1 import events_pb2 as sla
from otklik.tickets.v1 import events_pb2 as tickets
from otklik.type.v1 import channel_pb2
from otklik_feedback.domain import (
    CountReceived,
    EndEpisode,
    Event,
    Invite,
    RememberBreach,
    RememberTicket,
    Route,
    State,
    Survey,
    SurveyInvited,
)
from otklik_runtime import instants
from otklik_runtime.envelope import Incoming

_CHANNEL = "CHANNEL_"
_CLOCK_KIND = "CLOCK_KIND_"
_STATES = {
    State.INVITED: rating_pb2.SURVEY_STATE_INVITED,
    State.RATED: rating_pb2.SURVEY_STATE_RATED,
    State.SKIPPED: rating_pb2.SURVEY_STATE_SKIPPED,
}


def invite(event: Incoming) -> Invite:
    """Translate `TicketResolved`."""
    resolved = cast(tickets.TicketResolved, event.message)
    route = resolved.reply_route if resolved.HasField("reply_route") else None
    return Invite(
        ticket_id=resolved.ticket_id,
        ticket_number=resolved.number,
        conversation_id=resolved.conversation_id,
        episode=resolved.episode,
        customer_id=resolved.customer_id,
        agent_id=resolved.agent_id,
        locale=resolved.locale,
        route=None
        if route is None
        else Route(channel=_channel(route.channel), account=route.account, address=route.address),
        subject=resolved.subject,
        in_reply_to=resolved.in_reply_to,
        automatic=resolved.automatic,
    )


def end_episode(event: Incoming) -> EndEpisode:
    """Translate `TicketReopened`."""
    return EndEpisode(ticket_id=cast(tickets.TicketReopened, event.message).ticket_id)


def remember_ticket(event: Incoming) -> RememberTicket:
    """Translate `TicketOpened`."""
    opened = cast(tickets.TicketOpened, event.message)
    return RememberTicket(
        ticket_id=opened.ticket_id,
        ticket_number=opened.number,
        conversation_id=opened.conversation_id,
        customer_id=opened.customer_id,
        service=opened.service,
        channel=_channel(opened.channel),
        opened_at=instants.read(opened.receive_time),
    )


def count_received(event: Incoming) -> CountReceived:
    """Translate `MessageReceived`; days are those of UTC."""
    received = cast(intake.MessageReceived, event.message)
    return CountReceived(
        day=instants.read(received.receive_time).date(),
        channel=_channel(received.channel),
        service=received.service,
    )


def remember_breach(event: Incoming) -> RememberBreach:
    """Translate `ClockBreached`."""
    breached = cast(sla.ClockBreached, event.message)
    return RememberBreach(
        clock_id=breached.clock_id,
        ticket_id=breached.ticket_id,
        kind=clock_pb2.ClockKind.Name(breached.kind).removeprefix(_CLOCK_KIND).lower(),
        due_at=instants.read(breached.due_time),
    )


def message_of(event: Event) -> Message:
    """Write an event of ours."""
    if isinstance(event, SurveyInvited):
        invited = events_pb2.SurveyInvited(
            survey_id=event.survey_id,
            ticket_id=event.ticket_id,
            ticket_number=event.ticket_number,
            conversation_id=event.conversation_id,
            episode=event.episode,
            locale=event.locale,
            subject=event.subject,
            in_reply_to=event.in_reply_to,
            expire_time=instants.stamp(event.expires_at),
        )
        invited.reply_route.channel = channel_pb2.Channel.Value(
            f"{_CHANNEL}{event.route.channel.upper()}"
        )
        invited.reply_route.account = event.route.account
        invited.reply_route.address = event.route.address
        return invited
    return events_pb2.RatingGiven(
        survey_id=event.survey_id,
        ticket_id=event.ticket_id,
        conversation_id=event.conversation_id,
        episode=event.episode,
        score=event.score,
        comment=event.comment,
        agent_id=event.agent_id,
    )


def survey_resource(survey: Survey) -> rating_pb2.Survey:
    """Write a survey as others see it."""
    asked = survey.state is not State.SKIPPED
    return rating_pb2.Survey(
        name=f"surveys/{survey.id}",
        ticket=f"tickets/{survey.ticket_id}",
        ticket_number=survey.ticket_number,
        conversation_id=survey.conversation_id,
        episode=survey.episode,
        agent=f"agents/{survey.agent_id}" if survey.agent_id else "",
        state=_STATES[survey.state],
        invite_time=instants.stamp(survey.invited_at) if asked else None,
        score=survey.score,
        comment=survey.comment,
        rate_time=instants.stamp(survey.rated_at),
        locale=survey.locale,
    )


def _channel(number: channel_pb2.Channel.ValueType) -> str:
    return channel_pb2.Channel.Name(number).removeprefix(_CHANNEL).lower()
