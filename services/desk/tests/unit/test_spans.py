"""Two units at most; what remains rounds down, what is overdue rounds up."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otklik_desk.domain.spans import Span, Unit, overdue, remaining, working

SECONDS = {Unit.DAY: 86_400, Unit.HOUR: 3600, Unit.MINUTE: 60}
LENGTHS = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=4000))

# seconds -> what remains (ru, en), what is overdue (ru, en)
GOLDEN = [
    (0, "меньше минуты", "less than a minute", "1 мин", "1 min"),
    (1, "меньше минуты", "less than a minute", "1 мин", "1 min"),
    (59, "меньше минуты", "less than a minute", "1 мин", "1 min"),
    (60, "1 мин", "1 min", "1 мин", "1 min"),
    (61, "1 мин", "1 min", "2 мин", "2 min"),
    (90, "1 мин", "1 min", "2 мин", "2 min"),
    (119, "1 мин", "1 min", "2 мин", "2 min"),
    (120, "2 мин", "2 min", "2 мин", "2 min"),
    (300, "5 мин", "5 min", "5 мин", "5 min"),
    (660, "11 мин", "11 min", "11 мин", "11 min"),
    (1260, "21 мин", "21 min", "21 мин", "21 min"),
    (1320, "22 мин", "22 min", "22 мин", "22 min"),
    (1500, "25 мин", "25 min", "25 мин", "25 min"),
    (3599, "59 мин", "59 min", "1 ч", "1 h"),
    (3600, "1 ч", "1 h", "1 ч", "1 h"),
    (3601, "1 ч", "1 h", "1 ч 1 мин", "1 h 1 min"),
    (5400, "1 ч 30 мин", "1 h 30 min", "1 ч 30 мин", "1 h 30 min"),
    (6000, "1 ч 40 мин", "1 h 40 min", "1 ч 40 мин", "1 h 40 min"),
    (6059, "1 ч 40 мин", "1 h 40 min", "1 ч 41 мин", "1 h 41 min"),
    (86_400, "24 ч", "24 h", "24 ч", "24 h"),
    (172_799, "47 ч 59 мин", "47 h 59 min", "2 дн.", "2 d"),
    (172_800, "2 дн.", "2 d", "2 дн.", "2 d"),
    (172_801, "2 дн.", "2 d", "2 дн. 1 ч", "2 d 1 h"),
    (176_400, "2 дн. 1 ч", "2 d 1 h", "2 дн. 1 ч", "2 d 1 h"),
    (435_600, "5 дн. 1 ч", "5 d 1 h", "5 дн. 1 ч", "5 d 1 h"),
    (8_726_400, "101 дн.", "101 d", "101 дн.", "101 d"),
]


def length(span: Span) -> timedelta:
    return timedelta(seconds=sum(count * SECONDS[unit] for count, unit in span.parts))


@pytest.mark.parametrize(("seconds", "left_ru", "left_en", "late_ru", "late_en"), GOLDEN)
def test_lengths_are_said_as_the_table_says(speech, seconds, left_ru, left_en, late_ru, late_en):  # noqa: PLR0917 - a row of the table
    left, late = remaining(timedelta(seconds=seconds)), overdue(timedelta(seconds=seconds))

    said = [speech(locale)("clock.short.running", left=left) for locale in ("ru", "en")]
    assert [text.replace("\u00a0", " ") for text in said] == [left_ru, left_en]
    said = [speech(locale)("clock.short.overdue", late=late) for locale in ("ru", "en")]
    assert [text.replace("\u00a0", " ") for text in said] == [f"−{late_ru}", f"−{late_en}"]


@given(LENGTHS)
def test_what_remains_is_never_said_to_be_more_than_it_is(left):
    said = length(remaining(left))

    assert said <= left
    assert left - said < timedelta(minutes=1) or left >= timedelta(hours=48)
    assert left - said < timedelta(hours=1)


@given(LENGTHS)
def test_what_is_overdue_is_never_said_to_be_less_than_it_is(late):
    said = length(overdue(late))

    assert said >= late
    assert said - late <= timedelta(hours=1)


@given(LENGTHS)
def test_no_length_needs_more_than_two_units_and_none_is_zero(any_length):
    for span in (remaining(any_length), overdue(any_length), working(any_length)):
        assert len(span.parts) <= 2
        assert all(count > 0 for count, _ in span.parts)


@given(st.timedeltas(max_value=timedelta(0)))
def test_a_deadline_that_has_passed_leaves_nothing(passed):
    assert remaining(passed) == Span(())


def test_working_time_has_no_days():
    assert working(timedelta(hours=45)).parts == ((45, Unit.HOUR),)
