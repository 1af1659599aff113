"""What sla does: hear what happens to tickets, look when time is up, keep definitions."""

from collections.abc import Sequence

from otklik_sla.domain.calendar import Calendar
from otklik_sla.domain.commands import Hear
from otklik_sla.domain.errors import CalendarExists, PolicyExists
from otklik_sla.domain.events import ClockStarted, changes
from otklik_sla.domain.facts import Opened, PolicyApplied
from otklik_sla.domain.kept import Kept
from otklik_sla.domain.policy import Policy, choose_policy
from otklik_sla.domain.replay import Arming, Replay
from otklik_sla.domain.ticket_events import Armed, Happened
from otklik_sla.ports import UnitOfWork


async def hear(unit: UnitOfWork, commands: Sequence[Hear]) -> None:
    """Learn facts, judge the clocks of their tickets once, and say what changed."""
    stories = await unit.stories.lock(sorted({command.conversation_id for command in commands}))
    before = {name: story.as_judged() for name, story in stories.items()}
    policies: Sequence[Policy] = ()
    if any(command.opened for command in commands):
        policies = await unit.definitions.policies()
    for command in commands:
        _learn(stories[command.conversation_id], command, policies)
    for name, story in stories.items():
        _say(unit, story, before[name], story.judge(unit.now))
    await unit.stories.save(list(stories.values()))


async def judge_due(unit: UnitOfWork, limit: int) -> int:
    """Judge the tickets whose time has come, each by one replica; return how many there were."""
    stories = await unit.stories.due(unit.now, limit)
    for story in stories:
        before = story.as_judged()
        _say(unit, story, before, story.judge(unit.now))
    if stories:
        await unit.stories.save(stories)
    return len(stories)


async def add_calendar(unit: UnitOfWork, calendar: Calendar) -> Calendar:
    """Keep a new calendar.

    Raises:
        CalendarExists: the name is taken.
    """
    # A calendar that never opens is refused here, before a clock meets it.
    calendar.add(unit.now, 1)
    if not await unit.definitions.add_calendar(calendar, unit.now):
        raise CalendarExists(calendar.id)
    return calendar


async def add_policy(unit: UnitOfWork, policy: Policy) -> Policy:
    """Keep a new policy.

    Raises:
        PolicyExists: the name is taken.
    """
    if not await unit.definitions.add_policy(policy, unit.now):
        raise PolicyExists(policy.id)
    return policy


def _learn(story: Kept, command: Hear, policies: Sequence[Policy]) -> None:
    story.learn(command.fact)
    if command.opened is None:
        return
    story.ticket_id = command.opened.ticket_id
    story.learn(
        PolicyApplied(
            fact_id=f"{command.fact.fact_id}/policy",
            occurred_at=command.fact.occurred_at,
            sequence=command.fact.sequence,
            policy=choose_policy(policies, command.opened.traits),
        )
    )


def _say(unit: UnitOfWork, story: Kept, before: Replay, after: Replay) -> None:
    if after.arming is Arming.NOT_OPENED:
        return
    arming = before.arming is Arming.NOT_OPENED
    if arming:
        unit.record(_armed(story, after))
    for fact in changes(before.clocks, after.clocks):
        # The clocks that start with the ticket are told by Armed.
        if not (arming and isinstance(fact, ClockStarted)):
            unit.record(
                Happened(
                    conversation_id=story.conversation_id, ticket_id=story.ticket_id, fact=fact
                )
            )


def _armed(story: Kept, after: Replay) -> Armed:
    opened = next(fact for fact in (*story.facts, *story.learned) if isinstance(fact, Opened))
    return Armed(
        conversation_id=story.conversation_id,
        ticket_id=story.ticket_id,
        occurred_at=opened.occurred_at,
        arming=after.arming,
        policy=after.policy.reference if after.policy else "",
        clocks=after.clocks,
    )
