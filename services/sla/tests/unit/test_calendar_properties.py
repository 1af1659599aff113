"""What holds for every calendar, start, target and set of pauses, and a slow count to compare."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from otklik_sla.domain.calendar import Calendar, Override
from otklik_sla.domain.hours import Hours, Label

QUARTER = 900
ZONES = (
    "UTC",
    "Europe/Moscow",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
)
FIRST, LAST = datetime(2018, 9, 1, tzinfo=UTC), datetime(2018, 12, 31, tzinfo=UTC)

moments = st.datetimes(
    FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), timezones=st.just(UTC)
).map(lambda moment: moment.replace(microsecond=0))
dates = st.dates(FIRST.date(), LAST.date())


@st.composite
def days(draw):
    marks = draw(st.lists(st.integers(0, 96), min_size=0, max_size=6, unique=True))
    marks = sorted(marks)[: len(marks) // 2 * 2]
    hours = [
        Hours(opens * QUARTER, closes * QUARTER)
        for opens, closes in zip(marks[::2], marks[1::2], strict=True)
    ]
    if hours and draw(st.booleans()) and hours[0].opens > 0:
        # Past midnight, up to the hour at which the day began: never longer than a day.
        last = hours[-1]
        hours[-1] = Hours(last.opens, 86400 + hours[0].opens // QUARTER // 2 * QUARTER)
    return tuple(hour for hour in hours if hour.opens < hour.closes)


@st.composite
def calendars(draw):
    week = draw(st.lists(days(), min_size=7, max_size=7).filter(any))
    overrides = {}
    for on in draw(st.lists(dates, max_size=4, unique=True)):
        hours = tuple(hour for hour in draw(days()) if hour.closes <= 86400)
        overrides[on] = Override(hours=hours)
    return Calendar(
        zone=draw(st.sampled_from(ZONES)),
        weekly=tuple(week),
        holidays={on: Label() for on in draw(st.lists(dates, max_size=6))},
        overrides=overrides,
    )


@st.composite
def pauses(draw):
    found = []
    for _ in range(draw(st.integers(0, 4))):
        start = draw(moments)
        found.append((start, start + timedelta(seconds=draw(st.integers(0, 6 * 86400)))))
    return found


targets = st.integers(1, 40 * 3600)


def slowly_open(calendar: Calendar, at: datetime) -> bool:
    """Say whether a moment is open by looking at every interval of the days around it."""
    zone = ZoneInfo(calendar.zone)
    local_day = at.astimezone(zone).date()
    for back in range(-1, 4):
        day = local_day - timedelta(days=back)
        for hours in calendar.day(day):
            midnight = datetime.combine(day, time.min)
            ends = [
                (midnight + timedelta(seconds=second)).replace(tzinfo=zone).astimezone(UTC)
                for second in (hours.opens, hours.closes)
            ]
            if ends[0] <= at < ends[1]:
                return True
    return False


@given(calendars(), moments, st.integers(0, 9 * 96), pauses())
@settings(max_examples=60, deadline=None)
def test_worked_time_equals_a_slow_count_of_quarter_hours(calendar, start, quarters, breaks):
    # Every opening, and the offset of every zone here, falls on a quarter or half of an hour.
    start = start.replace(minute=start.minute // 15 * 15, second=0)
    breaks = [
        (begin.replace(minute=0, second=0), end.replace(minute=0, second=0))
        for begin, end in breaks
    ]
    breaks = [(begin, max(begin, end)) for begin, end in breaks]
    marks = [start + timedelta(minutes=15 * quarter) for quarter in range(quarters)]
    slow = sum(
        QUARTER
        for mark in marks
        if slowly_open(calendar, mark) and not any(begin <= mark < end for begin, end in breaks)
    )

    assert calendar.worked(start, start + timedelta(minutes=15 * quarters), breaks) == slow


@given(calendars(), moments, st.integers(0, 5 * 86400), targets, pauses())
@settings(max_examples=150, deadline=None)
def test_a_later_start_never_gives_an_earlier_deadline(calendar, start, later, target, breaks):
    first = calendar.add(start, target, breaks)

    assert calendar.add(start + timedelta(seconds=later), target, breaks) >= first


@given(calendars(), moments, targets, pauses(), dates)
@settings(max_examples=150, deadline=None)
def test_a_new_holiday_never_makes_a_deadline_earlier(calendar, start, target, breaks, day):
    closed = Calendar(
        zone=calendar.zone,
        weekly=calendar.weekly,
        holidays={**calendar.holidays, day: Label()},
        overrides=calendar.overrides,
    )

    assert closed.add(start, target, breaks) >= calendar.add(start, target, breaks)


@given(calendars(), moments, targets, pauses(), pauses())
@settings(max_examples=150, deadline=None)
def test_another_pause_never_makes_a_deadline_earlier(calendar, start, target, breaks, more):
    assert calendar.add(start, target, breaks + more) >= calendar.add(start, target, breaks)


@given(calendars(), moments, targets, pauses())
@settings(max_examples=150, deadline=None)
def test_the_deadline_is_the_first_moment_with_the_whole_target_worked(
    calendar, start, target, breaks
):
    deadline = calendar.add(start, target, breaks)
    just_before = deadline - timedelta(microseconds=1)

    assert calendar.worked(start, deadline, breaks) == target
    assert calendar.worked(start, just_before, breaks) == target - 1


@given(calendars(), moments, targets, st.integers(0, 5 * 86400), st.integers(0, 5 * 86400))
@settings(max_examples=150, deadline=None)
def test_splitting_a_pause_in_two_adjacent_ones_changes_nothing(
    calendar, start, target, offset, length
):
    begin = start + timedelta(seconds=offset)
    middle, end = begin + timedelta(seconds=length // 2), begin + timedelta(seconds=length)

    whole = calendar.add(start, target, [(begin, end)])

    assert calendar.add(start, target, [(middle, end), (begin, middle)]) == whole


@given(moments, st.integers(1, 10**8))
@settings(max_examples=150, deadline=None)
def test_round_the_clock_equals_plain_addition(start, target):
    whole_week = Calendar(weekly=((Hours(0, 86400),),) * 7)

    assert Calendar(zone="Europe/Berlin").add(start, target) == start + timedelta(seconds=target)
    assert whole_week.add(start, target % 10**7 + 1) == start + timedelta(
        seconds=target % 10**7 + 1
    )


@given(calendars(), moments, targets)
@settings(max_examples=150, deadline=None)
def test_counting_back_from_a_deadline_leaves_the_whole_target(calendar, start, target):
    deadline = calendar.add(start, target)

    back = calendar.subtract(deadline, target)

    assert back >= start
    assert calendar.worked(back, deadline) == target


@given(calendars(), moments, st.integers(0, 20 * 86400))
@settings(max_examples=150, deadline=None)
def test_the_intervals_cover_the_time_without_gaps_and_add_up_to_what_was_worked(
    calendar, start, length
):
    end = start + timedelta(seconds=length)

    intervals = calendar.intervals(start, end)

    marks = [start, *(interval.end for interval in intervals)]
    assert [interval.start for interval in intervals] == marks[:-1]
    assert marks[-1] == end
    counted = sum((interval.length for interval in intervals if interval.cause.counts), timedelta())
    assert counted == timedelta(seconds=calendar.worked(start, end))


def test_the_samples_cross_both_switches_of_daylight_saving():
    assert FIRST.date() < date(2018, 10, 28) < date(2018, 11, 4) < LAST.date()
