"""When clocks start and what stops them: a story cut into arms, before any target is looked at.

An arm is one waiting of the customer that is timed on its own. It is named by the fact it hangs
on (its anchor), so that a late fact that slips in before it does not make it another one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from otklik_sla.domain.kinds import DONE, ClockKind, EndReason, StateMeaning
from otklik_sla.domain.story import Answer, Ask, Story, Stretch

_NEVER_PAUSED: frozenset[StateMeaning] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One clock to be: what it waits from, and what met or ended it.

    `held_in` are the states that stop it besides those a policy names.
    """

    kind: ClockKind
    anchor: str
    start: datetime
    met_at: datetime | None = None
    met_by: str = ""
    provisional: bool = False
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    held_in: frozenset[StateMeaning] = _NEVER_PAUSED

    @property
    def stop(self) -> datetime | None:
        """When it was over, one way or the other."""
        return self.met_at or self.ended_at


def arms(story: Story, update_off_in: frozenset[StateMeaning]) -> Iterator[Arm]:
    """Cut a story into all its arms.

    Args:
        story: What happened.
        update_off_in: The waiting states in which nobody owes the customer an update.
    """
    yield from _response_arms(story)
    yield from _update_arms(story, update_off_in | DONE)
    yield _resolution_arm(story)


def _response_arms(story: Story) -> Iterator[Arm]:
    """Time each waiting for an answer, from the oldest message the answer covers."""
    opening = Ask(at=story.start, fact_id=story.opened.fact_id, sequence=story.opened.sequence)
    asks = story.asks if story.opened.outbound else (opening, *story.asks)
    # What no later answer covers waits for the next one after all of them.
    waiting = sorted((_answered_by(ask, story.answers), ask.at) for ask in asks)
    for number, group in groupby(waiting, key=lambda found: found[0]):
        start = next(group)[1]
        answer = story.answers[number] if number < len(story.answers) else None
        if number == 0:
            if not story.opened.outbound:
                yield from _first_response_arms(story, answer)
            continue
        yield _response(
            story,
            ClockKind.NEXT_RESPONSE,
            anchor=story.answers[number - 1].fact_id,
            start=start,
            answer=answer,
        )


def _answered_by(ask: Ask, answers: tuple[Answer, ...]) -> int:
    for number, answer in enumerate(answers):
        if answer.covers(ask):
            return number
    return len(answers)


def _first_response_arms(story: Story, answer: Answer | None) -> Iterator[Arm]:
    """Time the first response; what a bot resolved was served, and asks anew when reopened."""
    start, anchor = story.start, story.opened.fact_id
    for number, stretch in enumerate(story.stretches):
        if stretch.meaning is not StateMeaning.RESOLVED or not stretch.by_bot:
            continue
        if answer and answer.at <= stretch.start:
            break
        yield Arm(
            kind=ClockKind.FIRST_RESPONSE,
            anchor=anchor,
            start=start,
            ended_at=stretch.start,
            end_reason=EndReason.RESOLVED_BY_BOT,
        )
        if stretch.end is None:
            return
        start, anchor = stretch.end, story.stretches[number + 1].fact_id
    yield _response(story, ClockKind.FIRST_RESPONSE, anchor=anchor, start=start, answer=answer)


def _response(
    story: Story, kind: ClockKind, *, anchor: str, start: datetime, answer: Answer | None
) -> Arm:
    held = _NEVER_PAUSED if kind is ClockKind.FIRST_RESPONSE else DONE
    if answer:
        return Arm(
            kind=kind,
            anchor=anchor,
            start=start,
            met_at=max(answer.at, start),
            met_by=answer.fact_id,
            provisional=answer.provisional,
            held_in=held,
        )
    closed = _closed_since(story)
    return Arm(
        kind=kind,
        anchor=anchor,
        start=start,
        ended_at=closed and max(closed, start),
        end_reason=EndReason.CLOSED if closed else None,
        held_in=held,
    )


def _closed_since(story: Story) -> datetime | None:
    last = story.stretches[-1]
    return last.start if last.meaning is StateMeaning.CLOSED else None


def _update_arms(story: Story, off_in: frozenset[StateMeaning]) -> Iterator[Arm]:
    """Time the silence between two public messages while somebody at the desk owes one."""
    for off, group in groupby(story.stretches, key=lambda stretch: stretch.meaning in off_in):
        if not off:
            yield from _silences(story, tuple(group))


def _silences(story: Story, stretches: tuple[Stretch, ...]) -> Iterator[Arm]:
    start, anchor, end = stretches[0].start, stretches[0].fact_id, stretches[-1].end
    for answer in story.answers:
        if answer.at <= start or (end is not None and answer.at > end):
            continue
        yield Arm(
            kind=ClockKind.UPDATE,
            anchor=anchor,
            start=start,
            met_at=answer.at,
            met_by=answer.fact_id,
            provisional=answer.provisional,
        )
        start, anchor = answer.at, answer.fact_id
    if end is None:
        yield Arm(kind=ClockKind.UPDATE, anchor=anchor, start=start)
    elif end > start:
        following = next(stretch for stretch in story.stretches if stretch.start == end)
        yield Arm(
            kind=ClockKind.UPDATE,
            anchor=anchor,
            start=start,
            ended_at=end,
            end_reason=EndReason(following.meaning),
        )


def _resolution_arm(story: Story) -> Arm:
    """Time the whole life of the ticket; being resolved is a pause unless it lasts."""
    over: list[Stretch] = []
    for stretch in reversed(story.stretches):
        if stretch.meaning not in DONE:
            break
        over.insert(0, stretch)
    resolved = next((it for it in over if it.meaning is StateMeaning.RESOLVED), None)
    return Arm(
        kind=ClockKind.RESOLUTION,
        anchor=story.opened.fact_id,
        start=story.start,
        met_at=resolved.start if resolved else None,
        met_by=resolved.fact_id if resolved else "",
        ended_at=over[0].start if over and not resolved else None,
        end_reason=EndReason.CLOSED if over and not resolved else None,
        held_in=DONE,
    )
