"""Shows what is being started and how long each part took."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TaskID, TextColumn


class Progress(Protocol):
    """Told what begins and what ended."""

    def begin(self, name: str) -> None:
        """Something begins."""

    def end(self, name: str) -> None:
        """It is done."""

    def say(self, text: str) -> None:
        """Tell something in a line of its own."""


class Silent:
    """Shows nothing: for tests."""

    def begin(self, name: str) -> None:
        """Show nothing."""

    def end(self, name: str) -> None:
        """Show nothing."""

    def say(self, text: str) -> None:
        """Show nothing."""


class Shown:
    """Shows a spinner for each part on a terminal, and a line for each part elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began: dict[str, float] = {}
        self._tasks: dict[str, TaskID] = {}
        self._bars: Bars | None = None

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Draw while the block runs."""
        if not self._console.is_terminal:
            yield
            return
        columns = (SpinnerColumn(finished_text="[green]✓"), TextColumn("{task.description}"))
        with Bars(*columns, console=self._console, transient=False) as bars:
            self._bars = bars
            try:
                yield
            finally:
                self._bars = None
                self._tasks.clear()

    def begin(self, name: str) -> None:
        """Show that a part is being started."""
        self._began[name] = time.monotonic()
        if self._bars is not None:
            self._tasks[name] = self._bars.add_task(name, total=1)

    def end(self, name: str) -> None:
        """Show that a part runs, and how long it took."""
        took = time.monotonic() - self._began.pop(name, time.monotonic())
        if self._bars is not None and name in self._tasks:
            described = f"{name} [dim]{took:.1f} s[/dim]"
            self._bars.update(self._tasks[name], completed=1, description=described)
        else:
            self._console.print(f"  ✓ {name} ({took:.1f} s)")

    def say(self, text: str) -> None:
        """Print a line above the spinners."""
        (self._bars.console if self._bars else self._console).print(text)
