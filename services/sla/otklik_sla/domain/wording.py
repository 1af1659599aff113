"""The words of an explanation, in Russian and English: times, lengths, causes, verdicts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from otklik_sla.domain.hours import Label
from otklik_sla.domain.intervals import Cause, Interval
from otklik_sla.domain.kinds import ClockKind, EndReason, StateMeaning

Language = Literal["ru", "en"]

_WEEKDAYS: Mapping[Language, tuple[str, ...]] = {
    "ru": ("пн", "вт", "ср", "чт", "пт", "сб", "вс"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNITS: Mapping[Language, tuple[str, str, str]] = {"ru": ("ч", "мин", "с"), "en": ("h", "min", "s")}
_HOUR = 3600
_MINUTE = 60

KINDS: Mapping[ClockKind, Label] = {
    ClockKind.FIRST_RESPONSE: Label(ru="Первый ответ", en="First response"),
    ClockKind.NEXT_RESPONSE: Label(ru="Следующий ответ", en="Next response"),
    ClockKind.UPDATE: Label(ru="Информирование о ходе", en="Progress update"),
    ClockKind.RESOLUTION: Label(ru="Решение", en="Resolution"),
}
PAUSES: Mapping[StateMeaning, Label] = {
    StateMeaning.OPEN: Label(ru="открыта", en="open"),
    StateMeaning.WAITING_FOR_CUSTOMER: Label(ru="ждём клиента", en="waiting for the customer"),
    StateMeaning.WAITING_FOR_SUPPLIER: Label(ru="ждём поставщика", en="waiting for the supplier"),
    StateMeaning.RESOLVED: Label(ru="решена", en="resolved"),
    StateMeaning.CLOSED: Label(ru="закрыта", en="closed"),
}
END_REASONS: Mapping[EndReason, Label] = {
    EndReason.WAITING_FOR_CUSTOMER: Label(ru="ждём клиента", en="waiting for the customer"),
    EndReason.WAITING_FOR_SUPPLIER: Label(ru="ждём поставщика", en="waiting for the supplier"),
    EndReason.RESOLVED: Label(ru="заявка решена", en="the ticket was resolved"),
    EndReason.RESOLVED_BY_BOT: Label(ru="заявку решил бот", en="a bot resolved the ticket"),
    EndReason.CLOSED: Label(ru="заявка закрыта", en="the ticket was closed"),
    EndReason.POLICY_CHANGED: Label(
        ru="новая политика этого не обещает", en="the new policy does not promise it"
    ),
    EndReason.CORRECTED: Label(
        ru="исправлено по более поздним данным", en="corrected by later news"
    ),
}
_CAUSES: Mapping[Cause, Label] = {
    Cause.RUNNING: Label(ru="идёт", en="running"),
    Cause.RUNNING_BY_OVERRIDE: Label(
        ru="идёт, особый день: {name}", en="running, special day: {name}"
    ),
    Cause.CLOSED_HOURS: Label(ru="нерабочее время", en="closed hours"),
    Cause.CLOSED_BY_OVERRIDE: Label(
        ru="нерабочее время, особый день: {name}", en="closed, special day: {name}"
    ),
    Cause.HOLIDAY: Label(ru="праздник: {name}", en="holiday: {name}"),
    Cause.PAUSED: Label(ru="пауза: {name}", en="paused: {name}"),
}


def say(label: Label, language: Language) -> str:
    """Give a label in one language; one that has only the other is better than none."""
    return (label.ru or label.en) if language == "ru" else (label.en or label.ru)


def day_and_time(local: datetime, language: Language) -> str:
    """Write a local moment, with its seconds only where it has some."""
    return f"{_day(local, language)} {_clock_time(local)}"


def span(start: datetime, end: datetime, language: Language) -> str:
    """Write a local stretch of time; the day once when it is one day."""
    if start.date() == end.date():
        return f"{day_and_time(start, language)}–{_clock_time(end)}"
    return f"{day_and_time(start, language)} – {day_and_time(end, language)}"


def length(seconds: int, language: Language) -> str:
    """Write a length of time: "2 h 40 min"."""
    hours, rest = divmod(seconds, _HOUR)
    minutes, left = divmod(rest, _MINUTE)
    parts = [
        f"{number} {unit}"
        for number, unit in zip((hours, minutes, left), _UNITS[language], strict=True)
        if number
    ]
    return " ".join(parts) or f"0 {_UNITS[language][1]}"


def cause(interval: Interval, language: Language) -> str:
    """Write why an interval counts or does not, by name."""
    return say(_CAUSES[interval.cause], language).format(name=say(detail(interval), language))


def detail(interval: Interval) -> Label:
    """Name which holiday, which special day or which pause it is; the date when it has no name."""
    if interval.reason:
        return PAUSES[StateMeaning(interval.reason)]
    if interval.name.ru or interval.name.en or interval.day is None:
        return interval.name
    return Label(
        ru=f"{interval.day:%d.%m.%Y}",
        en=f"{interval.day.day} {_MONTHS[interval.day.month - 1]} {interval.day.year}",
    )


def _day(local: datetime, language: Language) -> str:
    weekday = _WEEKDAYS[language][local.weekday()]
    if language == "ru":
        return f"{weekday} {local:%d.%m.%Y}"
    return f"{weekday} {local.day} {_MONTHS[local.month - 1]} {local.year}"


def _clock_time(local: datetime) -> str:
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
