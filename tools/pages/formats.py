"""How durations, sizes and instants read, in both languages.

Durations take the unit a person would choose and round down: a page never shows a wait as longer
than it was.
"""

from datetime import UTC, datetime

from babel.numbers import format_decimal

from tools.pages.language import Language

_MICROSECOND = 1_000
_MILLISECOND = 1_000_000
_SECOND = 1_000_000_000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR

_UNITS: dict[str, dict[Language, str]] = {
    "us": {"en": "µs", "ru": "мкс"},
    "ms": {"en": "ms", "ru": "мс"},
    "s": {"en": "s", "ru": "с"},
    "min": {"en": "min", "ru": "мин"},
    "h": {"en": "h", "ru": "ч"},
    "d": {"en": "d", "ru": "д"},
}
_KIBI = 1024


def duration(nanoseconds: int, language: Language) -> str:
    """Say a duration: `840 µs`, `3.2 ms`, `1.84 s`, `2 min 5 s`, `3 h 10 min`."""
    if nanoseconds == 0:
        return "0"
    if nanoseconds < 0:
        return "−" + duration(-nanoseconds, language)
    if nanoseconds < _MINUTE:
        return _short(nanoseconds, language)
    if nanoseconds < _HOUR:
        return _pair(nanoseconds, ("min", _MINUTE), ("s", _SECOND), language)
    if nanoseconds < _DAY:
        return _pair(nanoseconds, ("h", _HOUR), ("min", _MINUTE), language)
    return _pair(nanoseconds, ("d", _DAY), ("h", _HOUR), language)


def size(octets: int, language: Language) -> str:
    """Say a size in bytes: `812 B`, `14.2 KiB`, `1.3 MiB`."""
    names = ("Б", "КиБ", "МиБ", "ГиБ") if language == "ru" else ("B", "KiB", "MiB", "GiB")
    amount = float(octets)
    for name in names[:-1]:
        if amount < _KIBI:
            places = 0 if name == names[0] else 1
            return f"{format_decimal(_floor(amount, places), locale=language)}\u00a0{name}"
        amount /= _KIBI
    return f"{format_decimal(_floor(amount, 1), locale=language)}\u00a0{names[-1]}"


def rfc3339(nanoseconds: int) -> str:
    """Write an instant in UTC with microseconds, as it crosses a wire."""
    instant = datetime.fromtimestamp(nanoseconds // _SECOND, UTC)
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{nanoseconds % _SECOND // _MICROSECOND:06d}Z"


def wall_clock(nanoseconds: int) -> str:
    """Say an instant to the reader of a page on this machine: its own zone, to the millisecond."""
    local = datetime.fromtimestamp(nanoseconds // _SECOND, UTC).astimezone()
    return f"{local:%H:%M:%S}.{nanoseconds % _SECOND // _MILLISECOND:03d}"


def wall_day(nanoseconds: int) -> str:
    """Say the day of an instant in this machine's zone, with the zone's name."""
    local = datetime.fromtimestamp(nanoseconds // _SECOND, UTC).astimezone()
    return f"{local:%Y-%m-%d %Z}"


def _short(nanoseconds: int, language: Language) -> str:
    if nanoseconds < _MILLISECOND:
        return _decimal(nanoseconds // _MICROSECOND, "us", language)
    if nanoseconds < _SECOND:
        places = 1 if nanoseconds < 100 * _MILLISECOND else 0
        return _decimal(_floor(nanoseconds / _MILLISECOND, places), "ms", language)
    return _decimal(_floor(nanoseconds / _SECOND, 2), "s", language)


def _floor(amount: float, places: int) -> float:
    scale = float(10**places)
    return int(amount * scale) / scale


def _decimal(amount: float, unit: str, language: Language) -> str:
    return f"{format_decimal(amount, locale=language)}\u00a0{_UNITS[unit][language]}"


def _pair(
    nanoseconds: int, larger: tuple[str, int], smaller: tuple[str, int], language: Language
) -> str:
    whole, rest = divmod(nanoseconds, larger[1])
    first = f"{whole}\u00a0{_UNITS[larger[0]][language]}"
    part = rest // smaller[1]
    return f"{first} {part}\u00a0{_UNITS[smaller[0]][language]}" if part else first
