"""How a process says that it lives and that it is ready.

`process` keeps one Health for the process it runs; the HTTP app and the gRPC server ask it. Alive
means only that the event loop turns; ready means that every part can do its work, which is false
before the first moment all are, and false again from the moment the process is told to end.
"""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Literal, Protocol


class Entrypoint(Protocol):
    """A part of the process by which the world reaches it, or it reaches the world."""

    @property
    def name(self) -> str:
        """What it is called in logs and in the answer of `/readyz`."""
        ...

    async def run(self) -> None:
        """Serve until drained; to return or raise earlier ends the process."""

    async def drain(self) -> None:
        """Take nothing new and finish what was begun."""

    def ready(self) -> str | None:
        """Say why it cannot work at the moment; None when it can."""
        ...


class Health:
    """What this process knows about itself."""

    def __init__(self) -> None:
        self.state: Literal["starting", "serving", "draining"] = "starting"
        self._entrypoints: Sequence[Entrypoint] = ()

    def watch(self, entrypoints: Sequence[Entrypoint]) -> None:
        """Ask these parts from now on."""
        self._entrypoints = entrypoints

    def drain(self) -> None:
        """Say from now on that the process ends."""
        self.state = "draining"

    @property
    def started(self) -> bool:
        """Whether every part has been ready at least once."""
        if self.state == "starting":
            self.why_not_ready()
        return self.state != "starting"

    def why_not_ready(self) -> str | None:
        """Say what this process waits for; None when it can work."""
        if self.state == "draining":
            return "the process is ending"
        if not self._entrypoints:
            return "the process is starting"
        reasons = [
            f"{entrypoint.name}: {reason}"
            for entrypoint in self._entrypoints
            if (reason := entrypoint.ready()) is not None
        ]
        if reasons:
            return "; ".join(reasons)
        self.state = "serving"
        return None


_current: ContextVar[Health | None] = ContextVar("health", default=None)


def current() -> Health:
    """Give the Health of the process that is being built, or a new one where there is none."""
    health = _current.get()
    if health is None:
        health = Health()
        _current.set(health)
    return health


def begin() -> Health:
    """Start a new process's Health: what is built from here on asks this one."""
    health = Health()
    _current.set(health)
    return health
