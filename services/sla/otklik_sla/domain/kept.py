"""What is kept of one ticket between two facts."""

from dataclasses import dataclass, field
from datetime import datetime

from otklik_sla.domain.clocks import Clock
from otklik_sla.domain.facts import Fact
from otklik_sla.domain.replay import Arming, Replay, replay


@dataclass(kw_only=True)
class Kept:
    """The facts of one conversation's ticket, and when its clocks were last judged.

    Attributes:
        conversation_id: The conversation.
        ticket_id: Its ticket; empty until the ticket is known to be open.
        judged_at: As of when the clocks were judged last; None before the first time.
        facts: All that is known.
        learned: What of it is new and not yet written.
        clocks: The clocks as judged now.
        due_at: When they must be looked at again; None when no time will change them.
    """

    conversation_id: str
    ticket_id: str = ""
    judged_at: datetime | None = None
    facts: tuple[Fact, ...] = ()
    learned: list[Fact] = field(default_factory=list)
    clocks: tuple[Clock, ...] = ()
    due_at: datetime | None = None

    def as_judged(self) -> Replay:
        """Replay the clocks as they were judged last: the same facts at the same moment."""
        if self.judged_at is None:
            never = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
            return Replay(arming=Arming.NOT_OPENED, clocks=(), policy=None, as_of=never)
        return replay(self.facts, self.judged_at)

    def learn(self, fact: Fact) -> None:
        """Take in a fact; one that is known already changes nothing."""
        if all(known.fact_id != fact.fact_id for known in (*self.facts, *self.learned)):
            self.learned.append(fact)

    def judge(self, now: datetime) -> Replay:
        """Judge the clocks now, with everything learned."""
        judged = replay((*self.facts, *self.learned), now)
        self.judged_at = judged.as_of
        self.clocks = judged.clocks
        self.due_at = judged.effective_deadline
        return judged
