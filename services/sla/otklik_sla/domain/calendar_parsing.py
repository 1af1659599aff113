"""Calendars as people, files and requests write them, read once into the real thing."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from otklik_runtime.errors import InvalidInput
from otklik_sla.domain.calendar import Calendar, Override
from otklik_sla.domain.hours import Day, Label, parse_day
from otklik_sla.domain.intervals import NO_LABEL

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Intervals = Iterable[Sequence[str]]

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LEAP_YEAR = 2000


def parse_calendar(
    zone: str,
    weekly: Mapping[str, Intervals] | None = None,
    *,
    holidays: Mapping[str, Label] | Iterable[str] = (),
    holidays_recurring: Mapping[str, Label] | Iterable[str] = (),
    date_overrides: Mapping[str, Intervals] | None = None,
    override_names: Mapping[str, Label] | None = None,
    calendar_id: str = "",
    version: int = 1,
    name: Label = NO_LABEL,
) -> Calendar:
    """Read a calendar; days left out of the week are shut.

    Args:
        zone: An IANA zone such as "Europe/Moscow".
        weekly: {"mon": [["09:00", "18:00"]], ...}; None is round the clock.
        holidays: Dates "YYYY-MM-DD", with their names where they have one.
        holidays_recurring: Days "MM-DD" of every year, likewise.
        date_overrides: {"YYYY-MM-DD": [["09:00", "13:00"]]}; an empty list shuts the day.
        override_names: What an override is for, by its date.
        calendar_id: Which calendar this is.
        version: Which version of it.
        name: What people call it.

    Raises:
        InvalidInput: Something cannot be read; the fact `field` says what.
    """
    named = override_names or {}
    return Calendar(
        id=calendar_id,
        version=version,
        name=name,
        zone=zone,
        weekly=None if weekly is None else _parse_week(weekly),
        holidays={
            _parse_date(day, "holidays"): label for day, label in _labelled(holidays).items()
        },
        recurring_holidays={
            _parse_month_day(day): label for day, label in _labelled(holidays_recurring).items()
        },
        overrides={
            _parse_date(day, "date_overrides"): Override(
                hours=parse_day(hours, f"date_overrides.{day}"), name=named.get(day, NO_LABEL)
            )
            for day, hours in (date_overrides or {}).items()
        },
    )


def _labelled(days: Mapping[str, Label] | Iterable[str]) -> dict[str, Label]:
    return dict(days) if isinstance(days, Mapping) else dict.fromkeys(days, NO_LABEL)


def _parse_week(weekly: Mapping[str, Intervals]) -> tuple[Day, ...]:
    unknown = sorted(set(weekly) - set(WEEKDAYS))
    if unknown:
        raise InvalidInput(
            "weekday_unknown",
            f"weekly.{unknown[0]} is no weekday; use {', '.join(WEEKDAYS)}",
            field=f"weekly.{unknown[0]}",
        )
    return tuple(parse_day(weekly.get(name, ()), f"weekly.{name}") for name in WEEKDAYS)


def _parse_date(text: str, field: str) -> date:
    # fromisoformat alone would also take week dates and dates without hyphens.
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidInput(
        "date_invalid", f"{field} must hold dates YYYY-MM-DD", field=field, value=text
    )


def _parse_month_day(text: str) -> tuple[int, int]:
    try:
        day = _parse_date(f"{_LEAP_YEAR}-{text}", "holidays_recurring")
    except InvalidInput as invalid:
        raise InvalidInput(
            "date_invalid",
            "holidays_recurring must hold days MM-DD",
            field="holidays_recurring",
            value=text,
        ) from invalid
    return day.month, day.day
