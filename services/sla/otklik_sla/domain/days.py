"""Targets in working days: sugar that a calendar expands into a moment.

"Five working days" is the same clock time on the fifth day that has open hours, or the end of that
day. Everything else of the engine knows only worked seconds.
"""

from datetime import UTC, date, datetime, timedelta

from otklik_runtime.errors import InvalidInput
from otklik_sla.domain.calendar import Calendar
from otklik_sla.domain.instants import moment

_SHUT_DAYS = 400


def add_working_days(
    calendar: Calendar, start: datetime, days: int, *, end_of_day: bool = False
) -> datetime:
    """Count working days after the day of the start.

    Args:
        calendar: Whose days count; one counts when it has any open hours.
        start: When the counting starts; its own day is not counted.
        days: How many days, above zero.
        end_of_day: Whether the last day counts to its last closing instead of the clock time of
            the start.

    Raises:
        InvalidInput: The days are not above zero, or 400 days in a row have no hours.
    """
    if days <= 0:
        raise InvalidInput(
            "target_not_positive", "days must be above zero", field="days", value=days
        )
    local = calendar.local(start)
    day = local.date()
    for _ in range(days):
        day = _next_working_day(calendar, day)
    if end_of_day:
        return moment(max(closes for _, closes in calendar.timeline.spans(day)))
    return local.replace(year=day.year, month=day.month, day=day.day, fold=0).astimezone(UTC)


def _next_working_day(calendar: Calendar, day: date) -> date:
    for later in range(1, _SHUT_DAYS + 1):
        following = day + timedelta(days=later)
        if any(True for _ in calendar.timeline.spans(following)):
            return following
    raise InvalidInput(
        "calendar_never_open",
        f"the calendar has no open second in {_SHUT_DAYS} consecutive days; give it hours",
        field="weekly",
    )
