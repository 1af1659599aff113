"""Prints the story of one conversation while it happens: offset, service, event, the fact."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Console
from rich.text import Text

from tools.local.demo.facts import Facts
from tools.local.demo.streams import Reader, Streams, Told
from tools.local.failures import StackFailed

STYLES = {
    "intake": "cyan",
    "tickets": "green",
    "sla": "yellow",
    "notify": "magenta",
    "feedback": "blue",
}
NAME_WIDTH = 22
DEFAULT_SECONDS = 20.0


class NothingHappened(StackFailed):
    """The story stopped where it should have gone on."""


@dataclass(kw_only=True)
class Timeline:
    """One conversation, told as it goes.

    Args:
        began: the instant the offsets count from; that of the first event unless given.
    """

    streams: Streams
    reader: Reader
    facts: Facts
    console: Console
    began: datetime | None = None
    told: list[Told] = field(default_factory=list)

    async def more(self) -> list[Told]:
        """Print what has come since the last time."""
        new = await self.reader.read()
        for told in new:
            self.began = self.began or told.occurred_at
            self.told.append(told)
            self.console.print(self._line(told))
        return new

    async def until(
        self,
        name: str,
        holds: Callable[[Told], bool] = lambda _: True,
        *,
        seconds: float = DEFAULT_SECONDS,
    ) -> Told:
        """Print until this event comes, or return it at once if it came before.

        Raises:
            NothingHappened: it did not come in time.
        """
        return await self._until({name}, holds, seconds)

    async def until_any(self, names: Iterable[str], seconds: float = DEFAULT_SECONDS) -> Told:
        """Print until one of these events comes.

        Raises:
            NothingHappened: none came in time.
        """
        return await self._until(set(names), lambda _: True, seconds)

    async def _until(self, names: set[str], holds: Callable[[Told], bool], seconds: float) -> Told:
        deadline = time.monotonic() + seconds
        while True:
            await self.more()
            for told in self.told:
                if told.name in names and holds(told):
                    return told
            if time.monotonic() > deadline:
                last = self.told[-1].name if self.told else "nothing"
                raise NothingHappened(
                    f"waited {seconds:.0f} s for {' or '.join(sorted(names))}; the last that "
                    f"happened was {last}. The services' logs are in .run/logs, and "
                    "`otklik dead list` shows what they could not handle",
                )
            await self.streams.wait(0.25)

    def act(self, text: str) -> None:
        """Print what somebody does from outside."""
        self.console.print(Text(f"             {text}", style="bold"))

    def _line(self, told: Told) -> Text:
        offset = (told.recorded_at - (self.began or told.occurred_at)).total_seconds()
        line = Text(f"  {offset:+8.2f} s ", style="dim")
        line.append(f"{told.owner:<9}", style=STYLES.get(told.owner, ""))
        line.append(f"{told.name:<{NAME_WIDTH}}", style="bold" if told.owner == "tickets" else "")
        line.append(self.facts.of(told))
        return line
