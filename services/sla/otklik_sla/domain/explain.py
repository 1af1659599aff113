"""Why a clock stands as it does: its intervals, totals and verdict, as data and in words.

Most questions about deadlines are answered by reading this. Times are those of the calendar.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from otklik_sla.domain.clocks import Clock, TargetChange
from otklik_sla.domain.hours import Label
from otklik_sla.domain.instants import SECOND
from otklik_sla.domain.intervals import Cause, Interval
from otklik_sla.domain.kinds import ClockState
from otklik_sla.domain.wording import (
    END_REASONS,
    KINDS,
    Language,
    cause,
    day_and_time,
    length,
    say,
    span,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One interval of a clock's life, with its sentence."""

    interval: Interval
    text: Label


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """How the life of a clock divides, in whole seconds."""

    worked_seconds: int
    paused_seconds: int
    closed_seconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """Why a clock stands as it does."""

    clock: Clock
    headline: Label
    lines: tuple[Line, ...]
    changes: tuple[Label, ...]
    totals: Totals
    summary: Label
    verdict: Label

    @property
    def text(self) -> Label:
        """The whole explanation, a line for each interval."""
        parts = (
            self.headline,
            *(line.text for line in self.lines),
            *self.changes,
            self.summary,
            self.verdict,
        )
        return Label(
            ru="\n".join(part.ru for part in parts), en="\n".join(part.en for part in parts)
        )


def explain(clock: Clock) -> Explanation:
    """Explain one clock."""
    intervals = clock.intervals
    totals = Totals(
        worked_seconds=_seconds(intervals, lambda cause: cause.counts),
        paused_seconds=_seconds(intervals, lambda cause: cause is Cause.PAUSED),
        closed_seconds=_seconds(
            intervals, lambda cause: not cause.counts and cause is not Cause.PAUSED
        ),
    )
    return Explanation(
        clock=clock,
        headline=_both(partial(_headline, clock)),
        lines=tuple(
            Line(
                interval=interval,
                text=_both(partial(_line, clock, interval)),
            )
            for interval in intervals
        ),
        changes=tuple(_both(partial(_change, clock, change)) for change in clock.changes),
        totals=totals,
        summary=_both(partial(_summary, totals)),
        verdict=_both(partial(_verdict, clock)),
    )


def _both(write: Callable[[Language], str]) -> Label:
    return Label(ru=write("ru"), en=write("en"))


def _seconds(intervals: tuple[Interval, ...], wanted: Callable[[Cause], bool]) -> int:
    microseconds = sum(
        (part.length.days * 86_400 + part.length.seconds) * SECOND + part.length.microseconds
        for part in intervals
        if wanted(part.cause)
    )
    return microseconds // SECOND


def _at(clock: Clock, moment: datetime | None, language: Language) -> str:
    if moment is None:
        return "—"
    return day_and_time(clock.calendar.local(moment), language)


def _headline(clock: Clock, language: Language) -> str:
    calendar = clock.calendar
    name = say(calendar.name, language) or calendar.id
    target = length(clock.target_seconds, language)
    kind = say(KINDS[clock.kind], language)
    if language == "ru":
        shown = f"график «{name}»" if name else "график"
        return (
            f"{kind} № {clock.instance}: норматив {target} рабочего времени, {shown} "
            f"(версия {calendar.version}, {calendar.zone}), политика {clock.policy}."
        )
    shown = f'calendar "{name}"' if name else "calendar"
    return (
        f"{kind} no. {clock.instance}: target {target} of working time, {shown} "
        f"(version {calendar.version}, {calendar.zone}), policy {clock.policy}."
    )


def _line(clock: Clock, interval: Interval, language: Language) -> str:
    local = clock.calendar.local
    when = span(local(interval.start), local(interval.end), language)
    lasted = length(_seconds((interval,), lambda _: True), language)
    return f"{when}: {cause(interval, language)}, {lasted}."


def _change(clock: Clock, change: TargetChange, language: Language) -> str:
    at, before, after = (
        _at(clock, moment, language)
        for moment in (change.changed_at, change.deadline_before, change.deadline_after)
    )
    policies = f"{change.policy_before or '—'} → {change.policy_after}"
    if language == "ru":
        return f"{at}: сменилась политика ({policies}), срок {before} → {after}."
    return f"{at}: the policy changed ({policies}), deadline {before} → {after}."


def _summary(totals: Totals, language: Language) -> str:
    worked, paused, closed = (
        length(seconds, language)
        for seconds in (totals.worked_seconds, totals.paused_seconds, totals.closed_seconds)
    )
    if language == "ru":
        return f"Итого: рабочего времени {worked}, паузы {paused}, нерабочего времени {closed}."
    return f"Total: working time {worked}, paused {paused}, closed {closed}."


def _verdict(clock: Clock, language: Language) -> str:
    sentence = _VERDICTS[clock.state](clock, language)
    if clock.provisional:
        pending = {"ru": "Доставка ещё не подтверждена.", "en": "Delivery is not yet confirmed."}
        sentence = f"{sentence} {pending[language]}"
    return sentence


def _running(clock: Clock, language: Language) -> str:
    deadline = _at(clock, clock.deadline, language)
    left = length(clock.remaining_seconds, language)
    if language == "ru":
        return f"Идёт. Срок: {deadline}, осталось {left} рабочего времени."
    return f"Running. Deadline: {deadline}, {left} of working time left."


def _paused(clock: Clock, language: Language) -> str:
    since = _at(clock, clock.paused_since, language)
    left = length(clock.remaining_seconds, language)
    if language == "ru":
        return f"На паузе с {since}, осталось {left} рабочего времени."
    return f"Paused since {since}, {left} of working time left."


def _met(clock: Clock, language: Language) -> str:
    at, deadline = _at(clock, clock.met_at, language), _at(clock, clock.deadline, language)
    if language == "ru":
        return f"Выполнено в срок: {at}, срок {deadline}."
    return f"Met in time: {at}, deadline {deadline}."


def _breached(clock: Clock, language: Language) -> str:
    deadline = _at(clock, clock.deadline, language)
    over = length(clock.overrun_seconds, language)
    if language == "ru":
        sentence = f"Нарушено: срок истёк {deadline}, просрочка {over} рабочего времени."
    else:
        sentence = f"Breached: the deadline passed {deadline}, overrun {over} of working time."
    return f"{sentence}{_ending(clock, language)}"


def _breached_by_change(clock: Clock, language: Language) -> str:
    deadline = _at(clock, clock.deadline, language)
    at = _at(clock, clock.breached_at, language)
    if language == "ru":
        sentence = f"Когда политику сменили ({at}), новый срок {deadline} уже прошёл."
    else:
        sentence = f"When the policy changed ({at}), the new deadline {deadline} was already past."
    return f"{sentence}{_ending(clock, language)}"


def _ending(clock: Clock, language: Language) -> str:
    if clock.met_at:
        at = _at(clock, clock.met_at, language)
        return f" Выполнено с опозданием: {at}." if language == "ru" else f" Met late: {at}."
    return f" {_cancelled(clock, language)}" if clock.ended_at else ""


def _cancelled(clock: Clock, language: Language) -> str:
    at = _at(clock, clock.ended_at, language)
    reason = say(END_REASONS[clock.end_reason], language) if clock.end_reason else "—"
    if language == "ru":
        return f"Счётчик остановлен {at}: {reason}."
    return f"The clock ended {at}: {reason}."


_VERDICTS: dict[ClockState, Callable[[Clock, Language], str]] = {
    ClockState.RUNNING: _running,
    ClockState.PAUSED: _paused,
    ClockState.MET: _met,
    ClockState.BREACHED: _breached,
    ClockState.BREACHED_BY_CHANGE: _breached_by_change,
    ClockState.CANCELLED: _cancelled,
}
