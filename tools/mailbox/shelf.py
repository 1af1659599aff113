"""What the mailbox holds: the letters that were kept, and every attempt, in order."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tools.mailbox.ledger import Entry, Outcome
from tools.mailbox.letter import Letter, letter_at

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Message:
    """A letter that was kept: who sent it to whom, and where it lies."""

    number: int
    entry: Entry
    path: Path

    @property
    def received_at(self) -> datetime:
        """When it was kept."""
        return datetime.fromisoformat(self.entry.at)

    @property
    def at_ns(self) -> int:
        """When it was kept, in nanoseconds since 1970."""
        return (self.received_at - _EPOCH) // timedelta(microseconds=1) * 1000

    @property
    def mail_from(self) -> str:
        """The envelope's sender; empty for bounces."""
        return self.entry.mail_from

    @property
    def recipients(self) -> tuple[str, ...]:
        """The envelope's recipients."""
        return self.entry.recipients

    @property
    def message_id(self) -> str:
        """The Message-ID header."""
        return self.entry.message_id

    @property
    def answered(self) -> bool:
        """Whether the sender was told that it was kept."""
        return self.entry.outcome is Outcome.ACCEPTED

    @property
    def letter(self) -> Letter:
        """What it says, read when asked for."""
        return letter_at(self.path)

    @property
    def raw(self) -> bytes:
        """Its bytes as they came."""
        return self.path.read_bytes()

    def is_for(self, recipient: str) -> bool:
        """Tell whether this address is among the recipients, letter case ignored."""
        return recipient.casefold() in (known.casefold() for known in self.recipients)


class Shelf:
    """The letters in the order they were kept, and a way to wait for one."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._messages: list[Message] = []
        self._counts: Counter[Outcome] = Counter()
        self._changed = asyncio.Event()

    def put(self, entry: Entry, path: Path | None) -> None:
        """Add an attempt, and its letter if one was kept; wakes whoever waits."""
        self._entries.append(entry)
        self._counts[entry.outcome] += 1
        if entry.number is not None and path is not None:
            self._messages.append(Message(number=entry.number, entry=entry, path=path))
        waiters, self._changed = self._changed, asyncio.Event()
        waiters.set()

    def clear(self) -> None:
        """Take everything off; what lies on disk stays there."""
        self._entries.clear()
        self._messages.clear()
        self._counts.clear()

    def messages(self, *, to: str | None = None, since: int = 0) -> tuple[Message, ...]:
        """Return the kept letters in the order they were kept.

        Args:
            to: only those for this recipient.
            since: only those with a greater number.
        """
        return tuple(
            message
            for message in self._messages
            if message.number > since and (to is None or message.is_for(to))
        )

    def message(self, number: int) -> Message | None:
        """Return one letter."""
        return next((held for held in reversed(self._messages) if held.number == number), None)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every attempt the ledger knows, in order."""
        return tuple(self._entries)

    def count(self, outcome: Outcome) -> int:
        """Say how many attempts ended so."""
        return self._counts[outcome]

    async def wait_for(
        self,
        predicate: Callable[[Message], bool],
        timeout: float = 10,  # noqa: ASYNC109 - the caller's patience, as in asyncio.wait_for
        *,
        since: int = 0,
    ) -> Message:
        """Return the first letter that satisfies the predicate, now or when it arrives.

        Args:
            predicate: the condition.
            timeout: how many seconds to wait at most.
            since: look only at letters with a greater number.

        Raises:
            TimeoutError: none came in time; the message counts what did.
        """
        looked_at = 0
        try:
            async with asyncio.timeout(timeout):
                while True:
                    changed = self._changed
                    for message in self._messages[looked_at:]:
                        if message.number > since and predicate(message):
                            return message
                    looked_at = len(self._messages)
                    await changed.wait()
        except TimeoutError as error:
            counts = ", ".join(f"{self.count(outcome)} {outcome}" for outcome in Outcome)
            msg = f"no letter satisfied the condition in {timeout} s; the ledger has {counts}"
            raise TimeoutError(msg) from error

    async def arrival(self, seconds: float, *, to: str | None, since: int) -> None:
        """Return when a letter like this is there, or when the time is up."""
        try:
            await self.wait_for(lambda held: to is None or held.is_for(to), seconds, since=since)
        except TimeoutError:
            return
