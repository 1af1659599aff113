"""Instants as people read them: day of the week, date, time, and whose time it is."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_datetime

_NAMES = {
    "Europe/Moscow": {"ru": "МСК", "en": "Moscow time"},
    "UTC": {"ru": "UTC", "en": "UTC"},
}
_THIS_YEAR = "EEE d MMMM, HH:mm"
_OTHER_YEAR = {"ru": "EEE d MMMM y 'г'., HH:mm", "en": "EEE d MMMM y, HH:mm"}
_DAY = {"ru": "d MMMM y 'г'.", "en": "d MMMM y"}
# A date is right in every zone when a day and a half are left until the instant.
_MARGIN = timedelta(hours=36)


def moment(locale: str, instant: datetime, zone: str, *, now: datetime) -> str:
    """Write an instant in a zone: «вт 24 ноября, 11:40 (МСК)»; the year only if it is another."""
    known = _zone(zone)
    local = instant.astimezone(known)
    same_year = local.year == now.astimezone(known).year
    pattern = _THIS_YEAR if same_year else _OTHER_YEAR[locale]
    text = format_datetime(local, pattern, tzinfo=known, locale=locale)
    return f"{text} ({_zone_name(locale, local, known.key)})"


def last_day(locale: str, expires_at: datetime) -> str:
    """Write the last day that is whole everywhere before an instant."""
    return format_date((expires_at - _MARGIN).date(), _DAY[locale], locale=locale)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _zone_name(locale: str, local: datetime, zone: str) -> str:
    if zone in _NAMES:
        return _NAMES[zone][locale]
    offset = local.utcoffset() or timedelta()
    minutes = int(offset.total_seconds()) // 60
    sign = "+" if minutes >= 0 else "−"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")
