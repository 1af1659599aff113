"""What a customer is told about time: which sentence, with which facts.

The words are in the catalogue of texts under `deadline.`; here it is decided which of them is
true. A sentence never says "soon": it names a time, or says that there is none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from otklik_desk.domain.clocks import Clock, ClockKind, Signal, pressing, signal
from otklik_desk.domain.moments import How, Moment, same_day
from otklik_desk.domain.spans import Span, overdue, remaining, working
from otklik_desk.domain.tickets import StateMeaning

Fact = Moment | Span | str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the catalogue and the facts it needs."""

    key: str
    facts: Mapping[str, Fact] = field(default_factory=dict)


def deadline_sentences(
    meaning: StateMeaning,
    clocks: Iterable[Clock],
    *,
    now: datetime,
    zone: ZoneInfo,
    resolved_at: datetime | None = None,
    worker: str = "",
) -> list[Sentence]:
    """Say what we owe and by when: the nearest promise first, then that of the whole request.

    Args:
        meaning: What the ticket's state means.
        clocks: The ticket's clocks.
        now: This moment.
        zone: The reader's time zone.
        resolved_at: When it was resolved.
        worker: The name of who answers; empty where nobody is known.
    """
    known = list(clocks)
    if meaning is StateMeaning.CLOSED:
        return [Sentence("deadline.closed")]
    if meaning is StateMeaning.RESOLVED:
        return [_resolved(known, resolved_at)]
    running = [clock for clock in known if signal(clock, now).open]
    first = pressing(running, now)
    if first is None:
        return [Sentence(f"deadline.no_clock.{meaning.value}")]
    sentences = [_owed(first, meaning, now=now, zone=zone, worker=worker)]
    if signal(first, now) is not Signal.PAUSED:
        sentences += [
            _resolved_by(clock.due_at)
            for clock in running
            if clock.kind is ClockKind.RESOLUTION and clock is not first and clock.due_at
        ]
    return sentences


def _resolved_by(due_at: datetime) -> Sentence:
    """Say when the whole request is due, beside a sentence that says everything else."""
    return Sentence("deadline.due.resolve", {"due": Moment(due_at, How.BY)})


def _owed(
    clock: Clock, meaning: StateMeaning, *, now: datetime, zone: ZoneInfo, worker: str
) -> Sentence:
    shown = signal(clock, now)
    if shown is Signal.PAUSED or clock.due_at is None:
        return _paused(clock, meaning)
    if shown is Signal.OVERDUE:
        late = overdue(now - clock.due_at)
        facts: dict[str, Fact] = {"due": Moment(clock.due_at, How.PROMISED), "late": late}
        return _with_worker("deadline.overdue", facts, worker)
    act = _act_of(clock)
    if clock.resumes_at is not None and clock.resumes_at > now:
        how = How.BY_TIME if same_day(clock.resumes_at, clock.due_at, zone) else How.BY
        resumes = Moment(clock.resumes_at, How.AT)
        return Sentence(
            f"deadline.night.{act}", {"resumes": resumes, "due": Moment(clock.due_at, how)}
        )
    due = Moment(clock.due_at, How.BY)
    if clock.kind is ClockKind.RESOLUTION:
        return _with_worker("deadline.due.resolve", {"due": due}, worker)
    left = remaining(clock.due_at - now)
    if not left.parts:
        return Sentence(f"deadline.due_now.{act}", {"due": due})
    return Sentence(f"deadline.due.{act}", {"due": due, "left": left})


def _paused(clock: Clock, meaning: StateMeaning) -> Sentence:
    key = f"deadline.paused.{meaning.value}"
    left = working(clock.left)
    if clock.paused_at is None:
        return Sentence(key, {"left": left})
    return Sentence(f"{key}_since", {"left": left, "since": Moment(clock.paused_at, How.SINCE)})


def _resolved(clocks: Iterable[Clock], resolved_at: datetime | None) -> Sentence:
    if resolved_at is None:
        return Sentence("deadline.resolved")
    at = Moment(resolved_at, How.HAPPENED)
    due_at = next(
        (clock.due_at for clock in clocks if clock.kind is ClockKind.RESOLUTION and clock.met_at),
        None,
    )
    if due_at is None:
        return Sentence("deadline.resolved_at", {"at": at})
    if resolved_at > due_at:
        return Sentence("deadline.resolved_late", {"at": at, "late": overdue(resolved_at - due_at)})
    early = remaining(due_at - resolved_at)
    if not early.parts:
        return Sentence("deadline.resolved_in_time", {"at": at})
    return Sentence("deadline.resolved_early", {"at": at, "early": early})


def clock_sentence(clock: Clock, now: datetime) -> Sentence:
    """Say how one clock stands, beside the word for it, to those who work by it."""
    shown = signal(clock, now)
    if shown is Signal.PAUSED or (shown.open and clock.due_at is None):
        return Sentence("clock.told.paused", {"left": working(clock.left)})
    due_at = clock.due_at or now
    if shown is Signal.OVERDUE:
        due = Moment(due_at, How.PROMISED)
        return Sentence("clock.told.overdue", {"late": overdue(now - due_at), "due": due})
    if shown.open:
        due, left = Moment(due_at, How.BY), remaining(due_at - now)
        return Sentence("clock.told.running", {"left": left, "due": due})
    if clock.met_at is None:
        return Sentence("clock.told.dropped")
    at = Moment(clock.met_at, How.HAPPENED)
    if shown is Signal.DONE_LATE:
        return Sentence("clock.told.done_late", {"at": at, "late": overdue(clock.met_at - due_at)})
    return Sentence("clock.told.done", {"at": at})


def clock_in_list(clock: Clock, now: datetime) -> Sentence:
    """Say how a clock stands in as few words as a row of a list has room for."""
    shown = signal(clock, now)
    due_at = clock.due_at or now
    if shown is Signal.OVERDUE:
        return Sentence("clock.short.overdue", {"late": overdue(now - due_at)})
    if shown in (Signal.ON_TIME, Signal.SOON):
        return Sentence("clock.short.running", {"left": remaining(due_at - now)})
    return Sentence(f"clock.short.{shown.value}")


def _act_of(clock: Clock) -> str:
    if clock.kind.is_response:
        return "reply"
    return "resolve" if clock.kind is ClockKind.RESOLUTION else "update"


def _with_worker(key: str, facts: Mapping[str, Fact], worker: str) -> Sentence:
    """Name who answers, where somebody is known."""
    return Sentence(f"{key}_by_name", {**facts, "name": worker}) if worker else Sentence(key, facts)
