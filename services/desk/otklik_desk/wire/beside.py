"""What other services keep beside a ticket, out of protobuf: clocks, deliveries, surveys."""

from otklik.feedback.v1 import rating_pb2
from otklik.notify.v1 import delivery_pb2
from otklik.sla.v1 import clock_pb2
from otklik_desk.domain.clocks import Clock, ClockKind, ClockState, Explanation
from otklik_desk.domain.tickets import Delivery, Survey
from otklik_desk.wire.tickets import channel_of, instant_in, last_part, text_of
from otklik_runtime import instants


def clock_of(message: clock_pb2.Clock) -> Clock:
    """Read a clock."""
    _, ticket_id, _, clock_id = message.name.split("/")
    kind = clock_pb2.ClockKind.Name(message.kind).removeprefix("CLOCK_KIND_").lower()
    state = clock_pb2.ClockState.Name(message.state).removeprefix("CLOCK_STATE_").lower()
    return Clock(
        id=clock_id,
        ticket_id=ticket_id,
        kind=ClockKind(kind),
        instance=message.instance,
        state=ClockState(state),
        started_at=instants.read(message.start_time),
        due_at=instant_in(message, "due_time"),
        met_at=instant_in(message, "meet_time"),
        target=message.target.ToTimedelta(),
        elapsed=message.elapsed.ToTimedelta(),
        zone=message.time_zone,
        resumes_at=instant_in(message, "resume_time"),
        paused_at=instant_in(message, "pause_time"),
    )


def explanation_of(message: clock_pb2.ClockExplanation) -> Explanation:
    """Read why a clock stands as it does."""
    return Explanation(clock_id=last_part(message.clock.name), text=text_of(message.text))


def delivery_of(message: delivery_pb2.Delivery) -> Delivery:
    """Read a delivery."""
    state = delivery_pb2.DeliveryState.Name(message.state).removeprefix("DELIVERY_STATE_").lower()
    return Delivery(
        id=last_part(message.name),
        template=message.template,
        channel=channel_of(message.channel),
        address=message.address,
        state=state,
        at=instants.read(message.create_time),
        accepted_at=instant_in(message, "accept_time"),
        in_doubt=message.in_doubt,
        error=message.last_error,
    )


def survey_of(message: rating_pb2.Survey) -> Survey:
    """Read a survey."""
    state = rating_pb2.SurveyState.Name(message.state).removeprefix("SURVEY_STATE_").lower()
    return Survey(
        state=state,
        episode=message.episode,
        invited_at=instant_in(message, "invite_time"),
        score=message.score,
        comment=message.comment,
        rated_at=instant_in(message, "rate_time"),
    )
