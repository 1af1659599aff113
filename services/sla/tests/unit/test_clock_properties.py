"""Facts may come late, twice and in any order: the clocks are the same."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from otklik_sla.domain.calendar_parsing import parse_calendar
from otklik_sla.domain.clocks import Clock
from otklik_sla.domain.events import (
    ClockBreached,
    ClockCancelled,
    ClockMet,
    ClockStarted,
    Verdict,
    VerdictWithdrawn,
    changes,
)
from otklik_sla.domain.explain import explain
from otklik_sla.domain.facts import (
    AgentMessage,
    CustomerMessage,
    DeliveryAccepted,
    DeliveryFailed,
    Opened,
    PolicyApplied,
    Reopened,
    Resolved,
    StateChanged,
)
from otklik_sla.domain.kinds import ClockKind, ClockState, EndReason, StateMeaning
from otklik_sla.domain.policy import Policy, Target
from otklik_sla.domain.replay import replay

START = datetime(2025, 3, 28, 6, 0, tzinfo=UTC)
OFFICE = parse_calendar(
    "Europe/Berlin",
    {day: [["08:00", "12:00"], ["13:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
)
POLICIES = [
    Policy(
        id=f"within-{hours}",
        targets=tuple(
            Target(kind=kind, seconds=hours * 1800 * (number + 1), calendar=OFFICE)
            for number, kind in enumerate(ClockKind)
        ),
    )
    for hours in (1, 3, 6)
]


@st.composite
def stories(draw):
    """Draw the facts of one ticket over some days, in order of time, with or without versions."""
    versioned = draw(st.booleans())
    facts = [
        Opened(fact_id="opened", occurred_at=START, sequence=1, outbound=draw(st.booleans())),
        PolicyApplied(fact_id="policy", occurred_at=START, sequence=1, policy=POLICIES[1]),
    ]
    at = START
    for number in range(2, draw(st.integers(2, 14))):
        at += timedelta(minutes=draw(st.integers(0, 900)))
        # Some facts are learned later than they happened.
        happened = max(START, at - timedelta(minutes=draw(st.sampled_from([0, 0, 0, 30]))))
        told = {"fact_id": f"f{number}", "occurred_at": happened, "sequence": number}
        message = {"message_id": f"m{draw(st.integers(1, 3))}"}
        facts.append(
            draw(
                st.sampled_from(
                    [
                        CustomerMessage(**told),
                        AgentMessage(**told, **message),
                        AgentMessage(**told, **message, human=False),
                        *(StateChanged(**told, meaning=meaning) for meaning in StateMeaning),
                        Resolved(**told, **message),
                        Resolved(**told, by_bot=True),
                        Reopened(**told),
                        DeliveryAccepted(**told, **message),
                        DeliveryFailed(**told, **message),
                        *(PolicyApplied(**told, policy=policy) for policy in [*POLICIES, None]),
                    ]
                )
            )
        )
    if not versioned:
        facts = [_without_version(fact) for fact in facts]
    return facts, at + timedelta(minutes=draw(st.integers(0, 3000)))


def _without_version(fact):
    values = {name: getattr(fact, name) for name in fact.__dataclass_fields__}
    return type(fact)(**{**values, "sequence": 0})


@given(stories(), st.randoms(use_true_random=False), st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_shuffled_and_doubled_facts_give_the_same_clocks(story, random, doubled):
    facts, as_of = story
    shuffled = facts + random.sample(facts, min(doubled, len(facts)))
    random.shuffle(shuffled)

    assert replay(shuffled, as_of) == replay(facts, as_of)


@given(stories())
@settings(max_examples=200, deadline=None)
def test_every_clock_is_whole(story):
    facts, as_of = story

    for clock in replay(facts, as_of).clocks:
        _assert_whole(clock)


def _assert_whole(clock: Clock) -> None:
    marks = [clock.start, *(interval.end for interval in clock.intervals)]
    assert [interval.start for interval in clock.intervals] == marks[:-1]
    assert marks[-1] == clock.end
    counted = sum((part.length for part in clock.intervals if part.cause.counts), timedelta())
    assert counted // timedelta(seconds=1) == clock.worked_seconds
    if clock.state is ClockState.MET:
        assert clock.met_at <= clock.deadline
        assert clock.worked_seconds <= clock.target_seconds
    if clock.state is ClockState.RUNNING:
        assert clock.deadline >= clock.as_of
    if clock.state is ClockState.BREACHED:
        assert clock.end > clock.deadline == clock.breached_at
        assert clock.worked_seconds == clock.target_seconds + clock.overrun_seconds
    if clock.state is ClockState.CANCELLED:
        assert clock.end_reason
    text = explain(clock).text
    assert (
        text.ru.count("\n") == text.en.count("\n") == len(clock.intervals) + len(clock.changes) + 2
    )


@given(stories())
@settings(max_examples=100, deadline=None)
def test_clocks_have_names_of_their_own_and_numbers_in_order(story):
    facts, as_of = story
    clocks = replay(facts, as_of).clocks

    assert len({clock.key for clock in clocks}) == len(clocks)
    for kind in ClockKind:
        numbers = [clock.instance for clock in clocks if clock.kind is kind]
        assert numbers == list(range(1, len(numbers) + 1))


@given(stories())
@settings(max_examples=100, deadline=None)
def test_a_second_replay_of_the_same_facts_says_nothing(story):
    facts, as_of = story
    clocks = replay(facts, as_of).clocks

    assert changes(clocks, clocks) == ()


@given(stories(), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_what_is_said_step_by_step_adds_up_to_how_the_clocks_stand(story, random):
    facts, as_of = story
    arrivals = facts[:]
    random.shuffle(arrivals)
    said, clocks = [], ()
    for number in range(1, len(arrivals) + 1):
        after = replay(arrivals[:number], as_of).clocks
        said.extend(changes(clocks, after))
        clocks = after

    standing: Counter = Counter()
    for fact in said:
        name = (fact.kind, fact.anchor)
        if isinstance(fact, ClockStarted):
            standing["started", name] += 1
        elif isinstance(fact, ClockCancelled) and fact.reason is EndReason.CORRECTED:
            standing["started", name] -= 1
        elif isinstance(fact, ClockMet):
            standing["met", name] += 1
        elif isinstance(fact, ClockBreached):
            standing["breached", name] += 1
        elif isinstance(fact, VerdictWithdrawn):
            standing["met" if fact.verdict is Verdict.MET else "breached", name] -= 1
    assert {key: number for key, number in standing.items() if number} == {
        **{("started", clock.key): 1 for clock in clocks},
        **{("met", clock.key): 1 for clock in clocks if clock.met_at},
        **{("breached", clock.key): 1 for clock in clocks if clock.breached_at},
    }


@given(stories(), st.integers(1, 5000))
@settings(max_examples=100, deadline=None)
def test_time_alone_takes_no_verdict_back(story, minutes):
    facts, as_of = story
    later = replay(facts, as_of + timedelta(minutes=minutes)).clocks

    said = changes(replay(facts, as_of).clocks, later)

    assert all(isinstance(fact, ClockBreached) for fact in said)
