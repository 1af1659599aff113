"""Speaks to one reader: texts of the catalogue in their language, times in their zone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel import dates
from babel.numbers import format_decimal

from otklik_desk.domain.clocks import Clock
from otklik_desk.domain.moments import Day, How, Moment, day_of
from otklik_desk.domain.sentences import Sentence, clock_in_list, clock_sentence
from otklik_desk.domain.spans import Span, working
from otklik_desk.domain.texts import Text
from otklik_runtime.i18n import Catalogue, format_datetime

_KIBI = 1024
_DAY_PATTERNS = {
    ("ru", Day.THIS_YEAR): "EEE, d MMMM",
    ("ru", Day.OTHER_YEAR): "EEE, d MMMM y 'г.'",
    ("en", Day.THIS_YEAR): "EEE d MMM",
    ("en", Day.OTHER_YEAR): "EEE d MMM y",
}


@dataclass(frozen=True, kw_only=True)
class Speech:
    """What is said to one reader at one moment.

    Attributes:
        texts: The catalogue.
        locale: The reader's language.
        zone: The time zone everything is told in.
        zone_is_theirs: Whether it is the reader's own; if not, it is named.
        now: This moment.
    """

    texts: Catalogue
    locale: str
    zone: ZoneInfo
    zone_is_theirs: bool
    now: datetime

    def __call__(self, key: str, **facts: object) -> str:
        """Give a text with the facts filled in as this reader needs them."""
        return self.texts.translate(
            self.locale, key, **{name: self._fact(fact) for name, fact in facts.items()}
        )

    def has(self, key: str) -> bool:
        """Tell whether there is such a text."""
        return self.texts.has(key)

    def sentence(self, sentence: Sentence) -> str:
        """Give a sentence."""
        return self(sentence.key, **sentence.facts)

    def text(self, text: Text | None) -> str:
        """Give a text that others wrote."""
        return text.told(self.locale) if text is not None else ""

    def clock(self, clock: Clock) -> str:
        """Say how a clock stands."""
        return self.sentence(clock_sentence(clock, self.now))

    def clock_in_list(self, clock: Clock) -> str:
        """Say it in few words."""
        return self.sentence(clock_in_list(clock, self.now))

    def working(self, length: timedelta) -> str:
        """Give a length of working time."""
        return self._span(working(length))

    def happened(self, at: datetime) -> str:
        """Give an instant in the past."""
        return self._moment(Moment(at, How.HAPPENED))

    def stamp(self, at: datetime) -> str:
        """Give an instant in a table: the time today, else the day and the time."""
        day = day_of(at, now=self.now, zone=self.zone)
        if day in (Day.THIS_YEAR, Day.OTHER_YEAR):
            return f"{self._date(at, day)}, {self.time(at)}"
        return self(f"moment.stamp.{day.value}", time=self.time(at))

    def by(self, at: datetime) -> str:
        """Give a deadline to come."""
        return self._moment(Moment(at, How.BY))

    def promised(self, at: datetime) -> str:
        """Give a deadline that was named."""
        return self._moment(Moment(at, How.PROMISED))

    def time(self, at: datetime) -> str:
        """Give the time of day."""
        return f"{at.astimezone(self.zone):%H:%M}"

    def full(self, at: datetime) -> str:
        """Give an instant with its date and zone."""
        return format_datetime(self.locale, at, self.zone.key)

    def machine(self, at: datetime) -> str:
        """Give an instant as programs read it, with the offset."""
        return at.astimezone(self.zone).isoformat(timespec="seconds")

    def size(self, octets: int) -> str:
        """Give the size of a file."""
        for unit in ("kilobyte", "megabyte"):
            octets_in_unit = _KIBI if unit == "kilobyte" else _KIBI * _KIBI
            if octets < octets_in_unit * _KIBI or unit == "megabyte":
                count = max(octets / octets_in_unit, 0.1)
                number = format_decimal(round(count, 1), locale=self.locale)
                return self(f"size.{unit}", number=number)
        return ""

    @property
    def zone_name(self) -> str:
        """The zone as people call it: its city and its distance from UTC."""
        return zone_name(self.zone, locale=self.locale, now=self.now)

    def elsewhere(self, at: datetime, zones: Iterable[str]) -> str:
        """Give an instant in the zone it is counted in, where that differs from the reader's."""
        for name in zones:
            zone = ZoneInfo(name)
            local = at.astimezone(zone)
            if local.utcoffset() != at.astimezone(self.zone).utcoffset():
                city = dates.get_timezone_location(zone, locale=self.locale, return_city=True)
                return self("moment.elsewhere", time=f"{local:%H:%M}", city=city)
        return ""

    def _fact(self, fact: object) -> object:
        if isinstance(fact, Moment):
            return self._moment(fact)
        return self._span(fact) if isinstance(fact, Span) else fact

    def _moment(self, moment: Moment) -> str:
        if moment.how is How.BY_TIME:
            return self("moment.by_time", time=self.time(moment.at))
        day = day_of(moment.at, now=self.now, zone=self.zone)
        time = self.time(moment.at)
        if day in (Day.THIS_YEAR, Day.OTHER_YEAR):
            return self(f"moment.{moment.how}.date", date=self._date(moment.at, day), time=time)
        return self(f"moment.{moment.how}.{day}", time=time)

    def _date(self, at: datetime, day: Day) -> str:
        pattern = _DAY_PATTERNS[self.locale, day]
        return dates.format_date(at.astimezone(self.zone).date(), pattern, locale=self.locale)

    def _span(self, span: Span) -> str:
        if not span.parts:
            return self("unit.none")
        return " ".join(self(f"unit.{unit}", count=count) for count, unit in span.parts)


def zone_name(zone: ZoneInfo, *, locale: str, now: datetime) -> str:
    """Name a zone: `Moscow (UTC+3)`."""
    offset = now.astimezone(zone).utcoffset() or timedelta(0)
    if not offset and zone.key.endswith("UTC"):
        return "UTC"
    sign = "−" if offset < timedelta(0) else "+"
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    distance = f"{sign}{hours}" + (f":{minutes:02d}" if minutes else "") if offset else ""
    city = dates.get_timezone_location(zone, locale=locale, return_city=True)
    return f"{city} (UTC{distance})"
