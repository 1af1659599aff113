"""A ticket's story: its facts laid out in time, ready to be timed.

Each fact says what is true from the moment it happened. One that was learned later but happened
earlier (a mail that waited on a server) overrules what it could not have known: a state that was
set after the customer had already written again never was.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from otklik_sla.domain.facts import (
    AgentMessage,
    CustomerMessage,
    DeliveryAccepted,
    DeliveryFailed,
    Fact,
    Opened,
    PolicyApplied,
    Reopened,
    Resolved,
    StateChanged,
    in_known_order,
)
from otklik_sla.domain.kinds import DONE, StateMeaning
from otklik_sla.domain.policy import Policy


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """A time in which the ticket's state meant one thing; without an end it still does."""

    meaning: StateMeaning
    start: datetime
    end: datetime | None = None
    fact_id: str
    by_bot: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """A message that waits for an answer."""

    at: datetime
    fact_id: str
    sequence: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A public message of a person at the desk; provisional until a delivery is accepted."""

    at: datetime
    fact_id: str
    sequence: int
    provisional: bool

    def covers(self, ask: Ask) -> bool:
        """Whether its writer knew the message: by version where both have one, else by time."""
        if self.sequence and ask.sequence:
            return self.sequence > ask.sequence
        return self.at >= ask.at


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """What happened to a ticket, in order of time."""

    opened: Opened
    stretches: tuple[Stretch, ...]
    asks: tuple[Ask, ...]
    answers: tuple[Answer, ...]
    policies: tuple[tuple[datetime, Policy | None], ...]
    latest: datetime

    @property
    def start(self) -> datetime:
        """When the first message was received."""
        return self.opened.occurred_at


def tell(facts: Iterable[Fact]) -> Story | None:
    """Lay the facts out in time; None while nobody has heard that the ticket was opened."""
    known = in_known_order(facts)
    opened = next((fact for fact in known if isinstance(fact, Opened)), None)
    if opened is None:
        return None
    stretches = _stretches(opened, known)
    return Story(
        opened=opened,
        stretches=stretches,
        asks=_asks(opened, stretches, known),
        answers=_answers(opened, known),
        policies=_policies(known),
        latest=max(fact.occurred_at for fact in known),
    )


def _stretches(opened: Opened, known: list[Fact]) -> tuple[Stretch, ...]:
    told = [Stretch(meaning=StateMeaning.OPEN, start=opened.occurred_at, fact_id=opened.fact_id)]
    for fact in known:
        meaning = _meaning(fact, told[-1].meaning)
        if meaning is None:
            continue
        # A clock that runs ahead or behind must not put anything before the beginning.
        at = max(fact.occurred_at, opened.occurred_at)
        while told[-1].start > at:
            told.pop()
        by_bot = isinstance(fact, StateChanged | Resolved) and fact.by_bot
        if told[-1].meaning is meaning:
            told[-1] = replace(told[-1], by_bot=told[-1].by_bot or by_bot)
            continue
        if told[-1].start == at and len(told) > 1:
            told.pop()
        if told[-1].meaning is not meaning:
            told.append(Stretch(meaning=meaning, start=at, fact_id=fact.fact_id, by_bot=by_bot))
    ends = [*(stretch.start for stretch in told[1:]), None]
    return tuple(
        replace(stretch, end=end)
        for stretch, end in zip(told, ends, strict=True)
        if end is None or end > stretch.start
    )


def _policies(known: list[Fact]) -> tuple[tuple[datetime, Policy | None], ...]:
    policies: list[tuple[datetime, Policy | None]] = []
    for fact in known:
        if isinstance(fact, PolicyApplied):
            # A later choice never takes effect before an earlier one.
            at = max(fact.occurred_at, policies[-1][0]) if policies else fact.occurred_at
            policies.append((at, fact.policy))
    return tuple(policies)


def _meaning(fact: Fact, current: StateMeaning) -> StateMeaning | None:
    """Say what a fact turns the state into; None when it leaves it alone."""
    if isinstance(fact, StateChanged):
        return fact.meaning
    if isinstance(fact, Resolved):
        return StateMeaning.RESOLVED
    if isinstance(fact, Reopened):
        return StateMeaning.OPEN
    if isinstance(fact, CustomerMessage) and not fact.automatic:
        # The customer has answered, whatever the desk does next. A resolved ticket is not
        # reopened so: the message may say thanks.
        return StateMeaning.OPEN if current is StateMeaning.WAITING_FOR_CUSTOMER else None
    return None


def _asks(opened: Opened, stretches: tuple[Stretch, ...], known: list[Fact]) -> tuple[Ask, ...]:
    last = stretches[-1]
    done_since = last.start if last.meaning in DONE else None
    for stretch in reversed(stretches[:-1]):
        if done_since is None or stretch.meaning not in DONE:
            break
        done_since = stretch.start
    asks = (
        Ask(
            at=max(fact.occurred_at, opened.occurred_at),
            fact_id=fact.fact_id,
            sequence=fact.sequence,
        )
        for fact in known
        if isinstance(fact, CustomerMessage) and not fact.automatic
    )
    return tuple(
        sorted(
            (ask for ask in asks if done_since is None or ask.at <= done_since),
            key=lambda ask: (ask.at, ask.sequence, ask.fact_id),
        )
    )


def _answers(opened: Opened, known: list[Fact]) -> tuple[Answer, ...]:
    accepted = _delivered(known)
    answers: list[Answer] = []
    if opened.outbound:
        answers.append(_answer(opened, opened, provisional=False))
    for fact in known:
        message_id = _human_message(fact)
        if message_id and accepted.get(message_id) is not False:
            answers.append(_answer(fact, opened, provisional=message_id not in accepted))
    return tuple(sorted(answers, key=lambda answer: (answer.at, answer.sequence, answer.fact_id)))


def _answer(fact: Fact, opened: Opened, *, provisional: bool) -> Answer:
    return Answer(
        at=max(fact.occurred_at, opened.occurred_at),
        fact_id=fact.fact_id,
        sequence=fact.sequence,
        provisional=provisional,
    )


def _human_message(fact: Fact) -> str:
    if isinstance(fact, AgentMessage) and fact.human:
        return fact.message_id
    if isinstance(fact, Resolved) and not fact.by_bot:
        return fact.message_id
    return ""


def _delivered(known: list[Fact]) -> dict[str, bool]:
    """Say of each message with a settled delivery whether any of them arrived.

    A delivery that was accepted and bounced later has failed: its last word counts.
    """
    last: dict[tuple[str, str], DeliveryAccepted | DeliveryFailed] = {}
    deliveries = (fact for fact in known if isinstance(fact, DeliveryAccepted | DeliveryFailed))
    for fact in sorted(deliveries, key=lambda fact: fact.occurred_at):
        last[fact.message_id, fact.delivery_id] = fact
    arrived: dict[str, bool] = {}
    for (message_id, _), fact in last.items():
        ok = isinstance(fact, DeliveryAccepted)
        arrived[message_id] = arrived.get(message_id, False) or ok
    return arrived
