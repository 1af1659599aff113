"""Calendars and policies, as requests write them, as they are shown and as they are kept."""

from collections.abc import Mapping

from google.protobuf.duration_pb2 import Duration

from otklik.sla.v1 import calendar_pb2, clock_pb2, policy_pb2
from otklik.tickets.v1 import ticket_pb2
from otklik.type.v1 import channel_pb2
from otklik_runtime.errors import InvalidInput
from otklik_sla.domain.calendar import Calendar
from otklik_sla.domain.calendar_parsing import WEEKDAYS, parse_calendar
from otklik_sla.domain.errors import CalendarNotFound
from otklik_sla.domain.hours import Hours
from otklik_sla.domain.kinds import ClockKind
from otklik_sla.domain.policy import Policy, Target
from otklik_sla.wire.parts import kind_of, label_of, text_of

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def calendar_of(message: calendar_pb2.Calendar, *, version: int) -> Calendar:
    """Read a calendar.

    Raises:
        InvalidInput: something in it cannot be; the field says what.
    """
    if message.always_open and message.weekly_intervals:
        text = "an always open calendar has no weekly intervals: leave one of the two out"
        raise InvalidInput("always_open", text, field="calendar.always_open")
    weekly: dict[str, list[tuple[str, str]]] = {}
    for interval in message.weekly_intervals:
        day = WEEKDAYS[interval.day_of_week - 1]
        weekly.setdefault(day, []).append((interval.open_at, interval.close_at))
    if not weekly and not message.always_open:
        text = "a calendar needs weekly intervals, or always_open"
        raise InvalidInput("never_open", text, field="calendar.weekly_intervals")
    return parse_calendar(
        message.time_zone,
        None if message.always_open else weekly,
        holidays={day.date: label_of(day.display_name) for day in message.holidays},
        date_overrides={
            day.date: [(hours.open_at, hours.close_at) for hours in day.open_hours]
            for day in message.day_overrides
        },
        override_names={day.date: label_of(day.display_name) for day in message.day_overrides},
        calendar_id=message.name,
        version=version,
        name=label_of(message.display_name),
    )


def calendar_resource(calendar: Calendar) -> calendar_pb2.Calendar:
    """Write a calendar."""
    return calendar_pb2.Calendar(
        name=calendar.id,
        display_name=text_of(calendar.name),
        time_zone=calendar.zone,
        always_open=calendar.weekly is None,
        weekly_intervals=[
            calendar_pb2.WeeklyInterval(
                day_of_week=calendar_pb2.DayOfWeek.ValueType(number),
                open_at=_clock_time(hours.opens),
                close_at=_closing(hours),
            )
            for number, day in enumerate(calendar.weekly or (), 1)
            for hours in day
        ],
        holidays=[
            calendar_pb2.Holiday(date=day.isoformat(), display_name=text_of(label))
            for day, label in sorted(calendar.holidays.items())
        ],
        day_overrides=[
            calendar_pb2.DayOverride(
                date=day.isoformat(),
                display_name=text_of(override.name),
                open_hours=[
                    calendar_pb2.OpenHours(
                        open_at=_clock_time(hours.opens), close_at=_closing(hours)
                    )
                    for hours in override.hours
                ],
            )
            for day, override in sorted(calendar.overrides.items())
        ],
        version=calendar.version,
    )


def policy_of(
    message: policy_pb2.Policy, calendars: Mapping[str, Calendar | None], *, version: int
) -> Policy:
    """Read a policy.

    Args:
        message: The policy.
        calendars: The calendars that its targets name, by the name they use.
        version: The version it becomes or is.

    Raises:
        CalendarNotFound: a target names a calendar that is not there.
        InvalidInput: something in it cannot be; the field says what.
    """
    targets = []
    for target in message.targets:
        calendar = calendars[target.calendar]
        if calendar is None:
            raise CalendarNotFound(target.calendar, field="policy.targets.calendar")
        if target.duration.nanos:
            text = "a target is a whole number of seconds"
            raise InvalidInput("target_not_whole", text, field="policy.targets.duration")
        name = clock_pb2.ClockKind.Name(target.clock_kind)
        kind = ClockKind(name.removeprefix("CLOCK_KIND_").lower())
        targets.append(Target(kind=kind, seconds=target.duration.seconds, calendar=calendar))
    return Policy(
        id=message.name,
        version=version,
        name=label_of(message.display_name),
        segments=frozenset(message.segments),
        services=frozenset(message.services),
        priorities=frozenset(ticket_pb2.Priority.Name(one) for one in message.priorities),
        channels=frozenset(channel_pb2.Channel.Name(one) for one in message.channels),
        targets=tuple(targets),
    )


def policy_resource(policy: Policy) -> policy_pb2.Policy:
    """Write a policy as the API shows it."""
    return policy_pb2.Policy(
        name=policy.id,
        display_name=text_of(policy.name),
        segments=sorted(policy.segments),
        services=sorted(policy.services),
        priorities=[ticket_pb2.Priority.Value(one) for one in sorted(policy.priorities)],
        channels=[channel_pb2.Channel.Value(one) for one in sorted(policy.channels)],
        targets=[
            policy_pb2.Target(
                clock_kind=kind_of(target.kind),
                duration=Duration(seconds=target.seconds or 0),
                calendar=target.calendar.id,
            )
            for target in policy.targets
        ],
        version=policy.version,
    )


def policy_document(policy: Policy) -> policy_pb2.Policy:
    """Write a policy as it is kept: its targets name their calendars' versions."""
    message = policy_resource(policy)
    for kept, target in zip(message.targets, policy.targets, strict=True):
        kept.calendar = f"{target.calendar.id}@{target.calendar.version}"
    return message


def reference_of(text: str) -> tuple[str, int]:
    """Read `name@version`."""
    name, _, version = text.rpartition("@")
    return name, int(version)


def _clock_time(seconds: int) -> str:
    return f"{seconds // _HOUR:02d}:{seconds % _HOUR // _MINUTE:02d}"


def _closing(hours: Hours) -> str:
    return _clock_time(hours.closes if hours.closes <= _DAY else hours.closes - _DAY)
