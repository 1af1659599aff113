"""Clocks and their explanations, as the API shows them."""

from google.protobuf.duration_pb2 import Duration

from otklik.sla.v1 import clock_pb2
from otklik_runtime import instants
from otklik_sla.domain.clocks import Clock
from otklik_sla.domain.explain import Explanation
from otklik_sla.domain.intervals import Cause
from otklik_sla.domain.kept import Kept
from otklik_sla.domain.kinds import ClockState
from otklik_sla.domain.wording import detail
from otklik_sla.wire.parts import clock_id, kind_of, text_of

_STATES = {
    ClockState.RUNNING: clock_pb2.CLOCK_STATE_RUNNING,
    ClockState.PAUSED: clock_pb2.CLOCK_STATE_PAUSED,
    ClockState.MET: clock_pb2.CLOCK_STATE_MET,
    ClockState.BREACHED: clock_pb2.CLOCK_STATE_BREACHED,
    ClockState.BREACHED_BY_CHANGE: clock_pb2.CLOCK_STATE_BREACHED,
    ClockState.CANCELLED: clock_pb2.CLOCK_STATE_CANCELLED,
}
_CAUSES = {
    Cause.RUNNING: clock_pb2.INTERVAL_CAUSE_RUNNING,
    Cause.RUNNING_BY_OVERRIDE: clock_pb2.INTERVAL_CAUSE_OVERRIDE,
    Cause.CLOSED_HOURS: clock_pb2.INTERVAL_CAUSE_CLOSED,
    Cause.CLOSED_BY_OVERRIDE: clock_pb2.INTERVAL_CAUSE_OVERRIDE,
    Cause.HOLIDAY: clock_pb2.INTERVAL_CAUSE_HOLIDAY,
    Cause.PAUSED: clock_pb2.INTERVAL_CAUSE_PAUSED,
}


def clock_resource(clock: Clock, story: Kept) -> clock_pb2.Clock:
    """Write a clock as the API shows it."""
    return clock_pb2.Clock(
        name=f"tickets/{story.ticket_id}/clocks/{clock_id(story, clock)}",
        kind=kind_of(clock.kind),
        instance=clock.instance,
        state=_STATES[clock.state],
        start_time=instants.stamp(clock.start),
        due_time=instants.stamp(clock.deadline),
        meet_time=instants.stamp(clock.met_at),
        breach_time=instants.stamp(clock.breached_at),
        target=Duration(seconds=clock.target_seconds),
        elapsed=Duration(seconds=clock.worked_seconds),
        policy=clock.policy,
        calendar=f"{clock.calendar.id}@{clock.calendar.version}",
        time_zone=clock.calendar.zone,
        resume_time=instants.stamp(clock.resumes_at),
        pause_time=instants.stamp(clock.paused_since),
    )


def explanation_resource(explanation: Explanation, story: Kept) -> clock_pb2.ClockExplanation:
    """Write why a clock stands as it does."""
    return clock_pb2.ClockExplanation(
        clock=clock_resource(explanation.clock, story),
        intervals=[
            clock_pb2.ClockInterval(
                start_time=instants.stamp(line.interval.start),
                end_time=instants.stamp(line.interval.end),
                cause=_CAUSES[line.interval.cause],
                detail=text_of(detail(line.interval)),
            )
            for line in explanation.lines
        ],
        text=text_of(explanation.text),
    )
