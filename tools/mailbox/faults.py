"""Faults on demand: what the mailbox does wrong, to whom, and how many times.

A sender must survive each of them: a refusal for now, a refusal for good, silence, and the worst
one, a connection that ends after the letter was kept and before anyone said so.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase

_REPLY_DIGITS = 3


class Act(StrEnum):
    """What goes wrong."""

    REFUSE_RECIPIENT = "refuse_recipient"  # the reply to RCPT
    REFUSE_MESSAGE = "refuse_message"  # the reply after DATA; nothing is kept
    DROP_BEFORE_KEEPING = "drop_before_keeping"  # the connection ends after DATA; nothing is kept
    DROP_AFTER_KEEPING = "drop_after_keeping"  # the same, but the letter is kept: in doubt
    ANSWER_LATE = "answer_late"  # the letter is kept and answered after the delay


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A rule: for recipients like this pattern, do this, so many times.

    Attributes:
        act: what to do.
        recipient: a shell pattern over the address, letter case ignored.
        reply: the SMTP reply of a refusal, with its code.
        times: how often the rule fires before it is spent; None is for ever.
        delay_seconds: how long to wait before acting.
    """

    act: Act
    recipient: str = "*"
    reply: str = "451 4.3.0 Refused by a rule of this mailbox"
    times: int | None = None
    delay_seconds: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a reply that is not a refusal."""
        code = self.reply[:_REPLY_DIGITS]
        if (
            not (len(code) == _REPLY_DIGITS and code.isascii() and code.isdigit())
            or code[0] not in "45"
        ):
            msg = f"a refusal begins with a code 4xx or 5xx: {self.reply!r}"
            raise ValueError(msg)
        if "\r" in self.reply or "\n" in self.reply:
            msg = "a reply is one line"
            raise ValueError(msg)

    def concerns(self, recipient: str) -> bool:
        """Tell whether the rule is about this address."""
        return fnmatchcase(recipient.casefold(), self.recipient.casefold())


class FaultBook:
    """The rules in force; the first that concerns a recipient decides."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self.fired = 0

    @property
    def rules(self) -> tuple[Fault, ...]:
        """The rules that are not spent, with the times each has left."""
        return tuple(self._rules)

    def set(self, rules: Iterable[Fault]) -> None:
        """Replace all rules."""
        self._rules = list(rules)

    def add(self, rule: Fault) -> None:
        """Add a rule after the others."""
        self._rules.append(rule)

    def clear(self) -> None:
        """Behave again."""
        self._rules = []

    def take(self, recipients: Iterable[str], *, at_recipient: bool) -> Fault | None:
        """Return the rule that fires here, if any, and count it.

        Args:
            recipients: whom the letter is for.
            at_recipient: whether this is the moment of RCPT, or the one after DATA.
        """
        concerned = list(recipients)
        for place, rule in enumerate(self._rules):
            fits = (rule.act is Act.REFUSE_RECIPIENT) is at_recipient
            if fits and any(rule.concerns(recipient) for recipient in concerned):
                self._spend(place, rule)
                return rule
        return None

    def _spend(self, place: int, rule: Fault) -> None:
        self.fired += 1
        if rule.times is None:
            return
        if rule.times <= 1:
            del self._rules[place]
        else:
            self._rules[place] = replace(rule, times=rule.times - 1)
