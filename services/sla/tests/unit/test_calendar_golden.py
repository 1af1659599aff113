"""Numbers that six established products publish in their own tests, and our Russian ones.

Where two products disagree (G19, G22) the exact one is ours: no minute is cut, and a budget that
ends with the working day ends at closing time.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from otklik_sla.domain.calendar import Calendar
from otklik_sla.domain.calendar_parsing import WEEKDAYS, parse_calendar
from otklik_sla.domain.days import add_working_days

MINUTE, HOUR, DAY = 60, 3600, 86400


def weekdays(*hours, days=WEEKDAYS[:5]):
    return {day: [list(pair) for pair in hours] for day in days}


def round_the_clock(zone):
    return parse_calendar(
        zone, weekdays(("00:00", "24:00"), days=WEEKDAYS), holidays_recurring=["05-01"]
    )


BERLIN_8_18 = parse_calendar("Europe/Berlin", weekdays(("08:00", "18:00")))
BERLIN_9_18 = parse_calendar("Europe/Berlin", weekdays(("09:00", "18:00")))
BERLIN_LUNCH = parse_calendar(
    "Europe/Berlin",
    weekdays(("08:00", "13:00"), ("14:00", "18:00")),
    holidays_recurring=["12-24", "12-25", "12-26", "12-31"],
)
BERLIN_8_20 = parse_calendar("Europe/Berlin", weekdays(("08:00", "20:00")), holidays=["2016-11-01"])
NEW_YORK = parse_calendar("America/New_York", weekdays(("09:00", "18:00")))
MOSCOW_9_18 = parse_calendar("Europe/Moscow", weekdays(("09:00", "18:00")))
SUNDAY = parse_calendar("UTC", {"sun": [["09:00", "17:00"]]})
MONDAY = parse_calendar("UTC", {"mon": [["09:00", "17:00"]]})
PROVIDER = parse_calendar(
    "UTC",
    {"mon": [["10:30", "19:00"]], **weekdays(("08:30", "19:00"), days=WEEKDAYS[1:5])},
)
FRIDAY_OFF = parse_calendar("UTC", weekdays(("10:00", "18:00")), holidays=["2024-03-08"])
TEN_TO_SIX = parse_calendar("UTC", weekdays(("10:00", "18:00")))
NINE_TO_FIVE = parse_calendar("UTC", weekdays(("09:00", "17:00")))
RUSSIA = parse_calendar(
    "Europe/Moscow",
    weekdays(("09:00", "13:00"), ("14:00", "18:00")),
    holidays=["2025-05-01", "2025-05-02", "2025-11-03", "2025-11-04"],
    date_overrides={
        "2025-04-30": [["09:00", "13:00"], ["14:00", "17:00"]],
        "2025-11-01": [["09:00", "13:00"], ["14:00", "17:00"]],
    },
)
NIGHT = parse_calendar("Europe/Moscow", weekdays(("22:00", "06:00")))


def local(calendar: Calendar, text: str) -> datetime:
    """Read a wall time in the calendar's zone, or any time that says its offset."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(calendar.zone))


DEADLINES = {
    "G1": (round_the_clock("UTC"), "2015-02-17 12:00", 90 * DAY, "2015-05-19 12:00"),
    "G2": (
        round_the_clock("Europe/Berlin"),
        "2015-02-17 12:00",
        90 * DAY + HOUR,
        "2015-05-19 14:00",
    ),
    "G3": (round_the_clock("America/Sao_Paulo"), "2015-02-21 22:00", 5 * HOUR, "2015-02-22 02:00"),
    "G4": (round_the_clock("America/Sao_Paulo"), "2015-10-17 22:00", 7 * HOUR, "2015-10-18 06:00"),
    "G5": (round_the_clock("Asia/Tehran"), "2015-09-21 12:00", 15 * HOUR, "2015-09-22 02:00"),
    "G6": (round_the_clock("Australia/Sydney"), "2016-04-02 12:00", 41 * HOUR, "2016-04-04 04:00"),
    "G7": (BERLIN_8_18, "2016-01-31 12:25:30", 5 * HOUR, "2016-02-01 13:00"),
    "G8": (BERLIN_8_18, "2016-02-01 16:59:30", 3 * HOUR + 30 * MINUTE, "2016-02-02 10:29:30"),
    "G9": (BERLIN_LUNCH, "2016-02-01 12:25:30", 5 * HOUR, "2016-02-02 08:25:30"),
    "G10": (BERLIN_LUNCH, "2015-12-22 16:24:49", 20 * HOUR, "2015-12-29 08:24:49"),
    "G11": (BERLIN_LUNCH, "2015-03-27 11:00Z", 15 * HOUR, "2015-03-31 07:00Z"),
    "G12": (NEW_YORK, "2007-01-01T22:00Z", 2 * HOUR, "2007-01-02T15:00Z"),
    "G13": (MOSCOW_9_18, "2007-01-01T22:00Z", 2 * HOUR, "2007-01-02T08:00Z"),
    "G13 starts": (MOSCOW_9_18, "2007-01-01T22:00Z", 0, "2007-01-02T06:00Z"),
    "G14": (SUNDAY, "2007-01-01T00:00Z", HOUR, "2007-01-07T10:00Z"),
    "G14 swapped": (MONDAY, "2007-01-01T00:00Z", HOUR, "2007-01-01T10:00Z"),
    "G15 first": (BERLIN_8_18, "2013-03-21T09:30Z", HOUR, "2013-03-21T10:30Z"),
    "G15 update": (BERLIN_8_18, "2013-03-21T09:30Z", 2 * HOUR, "2013-03-21T11:30Z"),
    "G15 close": (BERLIN_8_18, "2013-03-21T09:30Z", 3 * HOUR, "2013-03-21T12:30Z"),
    "G17": (BERLIN_8_18, "2013-03-21T12:05Z", 2 * HOUR, "2013-03-21T14:05Z"),
    "G21 first": (BERLIN_8_20, "2016-11-01T13:56:21Z", 2 * HOUR, "2016-11-02T09:00Z"),
    "G21 update": (BERLIN_8_20, "2016-11-01T13:56:21Z", 20 * HOUR, "2016-11-03T15:00Z"),
    "G23 TTO": (PROVIDER, "2034-06-09 08:46:12", 30 * MINUTE, "2034-06-09 09:16:12"),
    "G25": (PROVIDER, "2034-06-09 14:54:34", 10 * HOUR, "2034-06-12 16:24:34"),
    "G30": (NINE_TO_FIVE, "2024-03-08 16:30", HOUR, "2024-03-11 09:30"),
    "R-1": (RUSSIA, "2025-04-30 16:30", 2 * HOUR, "2025-05-05 10:30"),
    "R-2": (RUSSIA, "2025-10-31 17:30", 4 * HOUR, "2025-11-01 12:30"),
    "R-3": (NIGHT, "2025-06-06 23:30", 8 * HOUR, "2025-06-09 23:30"),
}

PAUSED_DEADLINES = {
    "G18": (
        BERLIN_9_18,
        "2013-03-21T09:00Z",
        2 * HOUR,
        [
            ("2013-03-21T09:30Z", "2013-03-21T09:45Z"),
            ("2013-03-21T10:00Z", "2013-03-21T10:30Z"),
        ],
        "2013-03-21T11:45Z",
    ),
    "G19 ours": (
        BERLIN_9_18,
        "2013-06-20T09:00Z",
        2 * HOUR,
        [("2013-06-20T10:00Z", "2013-06-20T15:00Z")],
        "2013-06-20T16:00Z",
    ),
    "G22 ours": (
        BERLIN_8_20,
        "2016-11-01T15:59:14Z",
        20 * HOUR,
        [("2016-11-01T15:59:58Z", "2016-11-07T13:26:36Z")],
        "2016-11-09T09:26:36Z",
    ),
    "G23 TTR": (
        PROVIDER,
        "2034-06-09 08:46:12",
        30 * MINUTE,
        [
            ("2034-06-09 08:50:00", "2034-06-09 10:08:12"),
            ("2034-06-09 10:10:00", "2034-06-09 10:35:25"),
            ("2034-06-09 10:40:00", "2034-06-09 11:25:36"),
        ],
        "2034-06-09 11:45:25",
    ),
    "G24": (
        PROVIDER,
        "2034-06-05 10:00",
        4 * HOUR,
        [
            ("2034-06-05 11:00", "2034-06-07 09:30"),
            ("2034-06-07 10:00", "2034-06-08 09:00"),
        ],
        "2034-06-08 12:00",
    ),
    "G29": (
        TEN_TO_SIX,
        "2024-03-07 15:00",
        2 * HOUR,
        [("2024-03-07 15:30", "2024-03-07 16:30")],
        "2024-03-07 18:00",
    ),
    "G29 one second over": (
        TEN_TO_SIX,
        "2024-03-07 15:00",
        2 * HOUR,
        [("2024-03-07 15:30", "2024-03-07 16:30:01")],
        "2024-03-08 10:00:01",
    ),
    "R-4": (
        RUSSIA,
        "2025-03-14 14:30",
        4 * HOUR,
        [("2025-03-14 17:00", "2025-03-17 11:00")],
        "2025-03-17 12:30",
    ),
}


@pytest.mark.parametrize("case", DEADLINES)
def test_a_deadline_equals_the_published_one(case):
    calendar, start, seconds, deadline = DEADLINES[case]

    assert calendar.add(local(calendar, start), seconds) == local(calendar, deadline)


@pytest.mark.parametrize("case", PAUSED_DEADLINES)
def test_a_deadline_moved_by_pauses_equals_the_published_one(case):
    calendar, start, seconds, texts, deadline = PAUSED_DEADLINES[case]
    pauses = [(local(calendar, begin), local(calendar, end)) for begin, end in texts]

    assert calendar.add(local(calendar, start), seconds, pauses) == local(calendar, deadline)


@pytest.mark.parametrize("case", [case for case in DEADLINES if DEADLINES[case][2]])
def test_the_time_worked_until_a_deadline_is_its_target(case):
    calendar, start, seconds, deadline = DEADLINES[case]

    assert calendar.worked(local(calendar, start), local(calendar, deadline)) == seconds


def test_without_its_overrides_the_transferred_saturday_costs_four_days():
    plain = parse_calendar(
        "Europe/Moscow",
        weekdays(("09:00", "13:00"), ("14:00", "18:00")),
        holidays=["2025-11-03", "2025-11-04"],
    )

    assert plain.add(local(plain, "2025-10-31 17:30"), 4 * HOUR) == local(plain, "2025-11-05 12:30")


def test_g16_a_late_first_answer_took_270_worked_minutes():
    asked, answered = "2013-03-21T09:30Z", "2013-03-21T14:00Z"

    worked = BERLIN_8_18.worked(local(BERLIN_8_18, asked), local(BERLIN_8_18, answered))

    assert worked == 270 * MINUTE


def test_g20_pauses_are_left_out_of_the_statistics():
    asked = local(BERLIN_9_18, "2013-03-21T09:00Z")
    pauses = [
        (local(BERLIN_9_18, "2013-03-21T10:00Z"), local(BERLIN_9_18, "2013-03-21T10:30Z")),
    ]

    answered = BERLIN_9_18.worked(asked, local(BERLIN_9_18, "2013-03-21T10:45Z"), pauses)
    closed = BERLIN_9_18.worked(asked, local(BERLIN_9_18, "2013-03-21T12:00Z"), pauses)

    assert (answered, closed) == (75 * MINUTE, 150 * MINUTE)


def test_g24_two_pauses_over_nights_hold_104400_business_seconds():
    pauses = PAUSED_DEADLINES["G24"][3]

    held = sum(
        PROVIDER.worked(local(PROVIDER, begin), local(PROVIDER, end)) for begin, end in pauses
    )

    assert held == 104400


def test_g28_a_hold_over_a_holiday_and_a_weekend():
    created, paused = local(FRIDAY_OFF, "2024-03-07 17:30"), local(FRIDAY_OFF, "2024-03-07 17:50")
    resumed, solved = local(FRIDAY_OFF, "2024-03-11 12:30"), local(FRIDAY_OFF, "2024-03-11 13:00")

    assert FRIDAY_OFF.worked(paused, resumed) == 2 * HOUR + 40 * MINUTE
    assert FRIDAY_OFF.worked(created, solved, [(paused, resumed)]) == 50 * MINUTE


def test_g26_five_working_days_are_the_same_clock_time_on_the_fifth():
    start = local(PROVIDER, "2034-06-09 08:46:12")

    same_time = add_working_days(PROVIDER, start, 5)
    end_of_day = add_working_days(PROVIDER, start, 5, end_of_day=True)

    assert same_time == local(PROVIDER, "2034-06-16 08:46:12")
    assert end_of_day == local(PROVIDER, "2034-06-16 19:00")
    assert PROVIDER.subtract(same_time, 8 * HOUR) == local(PROVIDER, "2034-06-15 11:16:12")


def test_g27_seven_working_days_cross_one_weekend():
    office = parse_calendar("UTC", weekdays(("08:00", "20:00")))
    five_by_24 = parse_calendar("UTC", weekdays(("00:00", "24:00")))
    start = local(office, "2018-11-19 10:00")

    assert add_working_days(office, start, 7) == local(office, "2018-11-28 10:00")
    assert add_working_days(office, start, 7, end_of_day=True) == local(office, "2018-11-28 20:00")
    assert add_working_days(five_by_24, start, 7, end_of_day=True) == local(
        five_by_24, "2018-11-29 00:00"
    )


def test_a_deadline_is_given_in_utc():
    deadline = RUSSIA.add(local(RUSSIA, "2025-03-12 09:00"), HOUR)

    assert deadline.utcoffset() == timedelta(0)
