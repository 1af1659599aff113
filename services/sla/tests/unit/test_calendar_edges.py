"""What calendars do at their edges: switches of the clock, shut years, slips of the pen."""

from datetime import UTC, date, datetime, timedelta

import pytest

from otklik_runtime.errors import InvalidInput
from otklik_sla.domain.calendar import Calendar
from otklik_sla.domain.calendar_parsing import WEEKDAYS, parse_calendar
from otklik_sla.domain.hours import Hours, Label
from otklik_sla.domain.intervals import Cause

HOUR = 3600
OFFICE = {day: [["09:00", "18:00"]] for day in WEEKDAYS[:5]}
EVERY_DAY = {day: [["00:00", "24:00"]] for day in WEEKDAYS}


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def every_day(*hours, zone):
    return parse_calendar(zone, {day: [list(pair) for pair in hours] for day in WEEKDAYS})


def test_an_opening_that_spring_skips_moves_forward_by_the_gap():
    calendar = every_day(("02:30", "05:00"), zone="America/New_York")

    assert calendar.add(utc("2014-03-09 00:00"), 0) == utc("2014-03-09 07:30")


def test_a_closing_that_autumn_repeats_is_the_first_of_the_two():
    calendar = every_day(("00:30", "01:30"), zone="America/New_York")

    worked = calendar.worked(utc("2014-11-02 00:00"), utc("2014-11-02 12:00"))

    assert worked == HOUR
    assert calendar.add(utc("2014-11-02 00:00"), HOUR) == utc("2014-11-02 05:30")


def test_a_gap_inside_an_interval_makes_it_an_hour_shorter():
    calendar = every_day(("00:00", "06:00"), zone="Europe/Berlin")

    assert calendar.worked(utc("2024-03-30 12:00"), utc("2024-03-31 12:00")) == 5 * HOUR


def test_an_overlap_inside_an_interval_makes_it_an_hour_longer():
    calendar = every_day(("00:00", "06:00"), zone="Europe/Berlin")

    assert calendar.worked(utc("2024-10-26 12:00"), utc("2024-10-27 12:00")) == 7 * HOUR


def test_a_whole_day_has_23_or_25_hours_where_the_clock_is_changed():
    calendar = parse_calendar("Europe/Berlin", EVERY_DAY, holidays=["2024-01-01"])

    def hours(day: str, following: str) -> float:
        begin, end = (datetime.fromisoformat(text) for text in (day, following))
        return calendar.worked(begin, end) / HOUR

    assert hours("2024-03-31T00:00+01:00", "2024-04-01T00:00+02:00") == 23
    assert hours("2024-10-27T00:00+02:00", "2024-10-28T00:00+01:00") == 25


@pytest.mark.parametrize(
    ("zone", "before", "after", "opens_before", "opens_after"),
    [
        ("Europe/Moscow", "2011-03-25", "2011-03-28", "06:00", "05:00"),
        ("Europe/Moscow", "2014-10-24", "2014-10-27", "05:00", "06:00"),
        ("Europe/Volgograd", "2020-12-25", "2020-12-28", "05:00", "06:00"),
    ],
)
def test_hours_follow_the_zone_when_its_law_changes(zone, before, after, opens_before, opens_after):
    calendar = parse_calendar(zone, OFFICE)

    assert calendar.add(utc(before), 0) == utc(f"{before} {opens_before}")
    assert calendar.add(utc(after), 0) == utc(f"{after} {opens_after}")


def test_a_day_that_a_zone_skips_has_no_hours_of_its_own():
    calendar = parse_calendar("Pacific/Apia", EVERY_DAY, holidays=["2010-01-01"])

    worked = calendar.worked(utc("2011-12-29 10:00"), utc("2012-01-01 10:00"))

    assert worked == 72 * HOUR


def test_a_calendar_without_hours_is_refused_and_never_loops():
    shut = parse_calendar("UTC", {})

    with pytest.raises(InvalidInput) as refused:
        shut.add(utc("2025-01-01"), HOUR)
    with pytest.raises(InvalidInput):
        shut.add(utc("2025-01-01"), 0)
    with pytest.raises(InvalidInput):
        shut.subtract(utc("2025-01-01"), HOUR)
    with pytest.raises(InvalidInput):
        shut.worked(utc("2025-01-01"), utc("2027-01-01"))

    assert refused.value.code == "calendar_never_open"
    assert refused.value.facts["field"] == "weekly"


@pytest.mark.parametrize(("shut_days", "refused"), [(399, False), (400, True)])
def test_400_shut_days_in_a_row_are_refused_and_399_are_not(shut_days, refused):
    opening = date(2025, 1, 1) + timedelta(days=shut_days)
    calendar = parse_calendar("UTC", {}, date_overrides={opening.isoformat(): [["00:00", "10:00"]]})

    if refused:
        with pytest.raises(InvalidInput):
            calendar.add(utc("2025-01-01"), HOUR)
    else:
        deadline = calendar.add(utc("2025-01-01"), HOUR)
        assert deadline == utc("2025-01-01") + timedelta(days=shut_days, hours=1)


def test_a_shut_stretch_after_the_deadline_is_not_crossed():
    calendar = parse_calendar("UTC", {}, date_overrides={"2025-01-01": [["09:00", "18:00"]]})

    assert calendar.add(utc("2025-01-01"), 9 * HOUR) == utc("2025-01-01 18:00")
    assert calendar.worked(utc("2025-01-01"), utc("2025-03-01")) == 9 * HOUR


def test_a_long_target_over_an_open_calendar_is_no_error():
    calendar = parse_calendar("UTC", {"mon": [["09:00", "10:00"]]})

    assert calendar.add(utc("2025-01-06"), 520 * HOUR) == utc("2034-12-18 10:00")


def test_a_target_beyond_the_calendar_of_years_is_refused():
    for calendar in (Calendar(), parse_calendar("UTC", OFFICE)):
        with pytest.raises(InvalidInput) as refused:
            calendar.add(utc("9999-01-01"), 10**9)
        assert refused.value.code == "time_out_of_range"


def test_a_pause_in_closed_hours_changes_nothing():
    calendar = parse_calendar("UTC", OFFICE)
    pause = (utc("2025-03-12 18:30"), utc("2025-03-13 08:00"))

    assert calendar.worked(*pause) == 0
    assert calendar.add(utc("2025-03-12 17:00"), 2 * HOUR, [pause]) == utc("2025-03-13 10:00")


def test_nested_and_simultaneous_pauses_count_once():
    calendar = parse_calendar("UTC", OFFICE)
    outer = (utc("2025-03-12 10:00"), utc("2025-03-12 12:00"))
    inner = (utc("2025-03-12 10:30"), utc("2025-03-12 11:00"))
    instantaneous = (utc("2025-03-12 10:00"), utc("2025-03-12 10:00"))

    deadline = calendar.add(utc("2025-03-12 09:00"), 2 * HOUR, [inner, outer, instantaneous, outer])

    assert deadline == utc("2025-03-12 13:00")


def test_a_budget_used_up_as_a_pause_begins_ends_there():
    calendar = parse_calendar("UTC", OFFICE)
    pause = (utc("2025-03-12 11:00"), utc("2025-03-12 15:00"))

    assert calendar.add(utc("2025-03-12 09:00"), 2 * HOUR, [pause]) == utc("2025-03-12 11:00")


def test_zero_seconds_give_the_first_moment_that_is_open_and_not_paused():
    calendar = parse_calendar("UTC", OFFICE)
    pause = (utc("2025-03-12 09:00"), utc("2025-03-12 18:00"))

    assert calendar.add(utc("2025-03-12 12:00"), 0) == utc("2025-03-12 12:00")
    assert calendar.add(utc("2025-03-12 18:00"), 0) == utc("2025-03-13 09:00")
    assert calendar.add(utc("2025-03-12 08:00"), 0, [pause]) == utc("2025-03-13 09:00")


def test_an_end_before_its_start_is_no_work():
    calendar = parse_calendar("UTC", OFFICE)

    assert calendar.worked(utc("2025-03-12 12:00"), utc("2025-03-12 10:00")) == 0


def test_microseconds_are_kept():
    calendar = parse_calendar("UTC", OFFICE)

    assert calendar.add(utc("2025-03-12 12:00:00.250000"), HOUR) == utc(
        "2025-03-12 13:00:00.250000"
    )


def test_an_override_beats_a_holiday_and_a_holiday_beats_the_week():
    calendar = parse_calendar(
        "UTC",
        OFFICE,
        holidays=["2025-03-12", "2025-03-13"],
        date_overrides={"2025-03-12": [["10:00", "11:00"]]},
    )

    assert calendar.worked(utc("2025-03-12"), utc("2025-03-13")) == HOUR
    assert calendar.worked(utc("2025-03-13"), utc("2025-03-14")) == 0


def test_a_night_shift_runs_on_into_the_holiday_that_follows():
    nights = parse_calendar("UTC", {"tue": [["22:00", "06:00"]]}, holidays=["2025-03-12"])

    assert nights.worked(utc("2025-03-11"), utc("2025-03-13")) == 8 * HOUR


def test_a_holiday_of_29_february_returns_in_leap_years_only():
    calendar = parse_calendar("UTC", EVERY_DAY, holidays_recurring=["02-29"])

    assert calendar.worked(utc("2024-02-28"), utc("2024-03-02")) == 48 * HOUR
    assert calendar.worked(utc("2025-02-28"), utc("2025-03-02")) == 48 * HOUR


@pytest.mark.parametrize(
    ("definition", "code", "field"),
    [
        ({"weekly": {"mon": [["09:00", "09:00"]]}}, "interval_with_equal_ends", "weekly.mon[0]"),
        ({"weekly": {"mon": [["09:00", "25:00"]]}}, "time_of_day_invalid", "weekly.mon[0]"),
        ({"weekly": {"mon": [["09:00", "24:01"]]}}, "time_of_day_invalid", "weekly.mon[0]"),
        ({"weekly": {"mon": [["24:00", "06:00"]]}}, "time_of_day_invalid", "weekly.mon[0]"),
        ({"weekly": {"mon": [["9 am", "18:00"]]}}, "time_of_day_invalid", "weekly.mon[0]"),
        ({"weekly": {"mon": ["09:00"]}}, "interval_invalid", "weekly.mon[0]"),
        ({"weekly": {"monday": []}}, "weekday_unknown", "weekly.monday"),
        ({"zone": "Europe/Atlantis"}, "zone_unknown", "zone"),
        ({"zone": ""}, "zone_unknown", "zone"),
        ({"zone": "../etc/passwd"}, "zone_unknown", "zone"),
        ({"holidays": ["2025-02-30"]}, "date_invalid", "holidays"),
        ({"holidays": ["20250201"]}, "date_invalid", "holidays"),
        ({"holidays_recurring": ["13-01"]}, "date_invalid", "holidays_recurring"),
        ({"date_overrides": {"tomorrow": []}}, "date_invalid", "date_overrides"),
        (
            {"date_overrides": {"2025-01-01": [["09:00", "13:00"], ["12:00", "15:00"]]}},
            "intervals_overlap",
            "date_overrides.2025-01-01",
        ),
        (
            {
                "date_overrides": {
                    "2025-01-01": [["22:00", "06:00"]],
                    "2025-01-02": [["05:00", "09:00"]],
                }
            },
            "intervals_overlap",
            "date_overrides.2025-01-01",
        ),
    ],
)
def test_a_slip_in_a_calendar_is_refused_by_its_field(definition, code, field):
    with pytest.raises(InvalidInput) as refused:
        parse_calendar(**{"zone": "UTC", "weekly": {}, **definition})

    assert (refused.value.code, refused.value.facts["field"]) == (code, field)


def test_a_week_has_seven_days():
    with pytest.raises(InvalidInput):
        Calendar(weekly=((Hours(0, HOUR),),))


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda c: c.add(utc("2025-03-12"), -1), "target_negative"),
        (lambda c: c.add(datetime(2025, 3, 12), 1), "time_without_offset"),  # noqa: DTZ001 the slip
        (lambda c: c.subtract(utc("2025-03-12"), 0), "target_not_positive"),
        (
            lambda c: c.add(utc("2025-03-12"), 1, [(utc("2025-03-12"), utc("2025-03-11"))]),
            "pause_ends_before_start",
        ),
    ],
)
def test_a_slip_in_a_question_is_refused(call, code):
    with pytest.raises(InvalidInput) as refused:
        call(parse_calendar("UTC", OFFICE))

    assert refused.value.code == code


def test_a_week_is_explained_by_hours_holiday_and_override():
    victory = Label(ru="День Победы", en="Victory Day")
    short = Label(ru="Сокращённый день", en="Shortened day")
    calendar = parse_calendar(
        "Europe/Moscow",
        OFFICE,
        holidays={"2025-05-09": victory},
        date_overrides={"2025-05-08": [["09:00", "17:00"]]},
        override_names={"2025-05-08": short},
    )

    intervals = calendar.intervals(
        datetime.fromisoformat("2025-05-08T12:00+03:00"),
        datetime.fromisoformat("2025-05-12T10:00+03:00"),
    )

    told = [
        (calendar.local(part.start).strftime("%d %H:%M"), part.cause, part.name, part.day)
        for part in intervals
    ]
    assert told == [
        ("08 12:00", Cause.RUNNING_BY_OVERRIDE, short, date(2025, 5, 8)),
        ("08 17:00", Cause.CLOSED_BY_OVERRIDE, short, date(2025, 5, 8)),
        ("09 00:00", Cause.HOLIDAY, victory, date(2025, 5, 9)),
        ("10 00:00", Cause.CLOSED_HOURS, Label(), None),
        ("12 09:00", Cause.RUNNING, Label(), None),
    ]
