"""Everything that can keep the local stack from running, as a sentence that says what to do."""

from pathlib import Path


class StackFailed(RuntimeError):
    """The stack, or a story played on it, did not work; the message says why and what to do."""


class PortTaken(StackFailed):
    """Somebody else listens where a part of the stack must."""

    def __init__(self, taken: list[tuple[int, str, str]]) -> None:
        """Name each port, what needs it and who has it."""
        lines = [
            f"port {port}, which {needs} needs, is held by {holder}"
            for port, needs, holder in taken
        ]
        super().__init__(
            "; ".join(lines)
            + ". Stop that program, or move the whole stack with OTKLIK_PORT_BASE=17400",
        )


class AlreadyRuns(StackFailed):
    """A stack with this folder runs already."""

    def __init__(self, pid: int) -> None:
        """Name the process that holds it."""
        super().__init__(
            f"a local stack already runs (process {pid}): `make down` stops it; a second one needs "
            "OTKLIK_RUN_DIR and OTKLIK_PORT_BASE of its own",
        )


class NothingRuns(StackFailed):
    """There is no running stack to talk to."""

    def __init__(self) -> None:
        """Say how to start one."""
        super().__init__("no local stack runs: start one with `make up` or `make demo`")


class ChildDied(StackFailed):
    """A process ended before it was ready."""

    def __init__(self, name: str, *, status: str, log: Path, tail: str) -> None:
        """Show the last lines it wrote."""
        said = "\n".join(f"    {line}" for line in tail.splitlines()) or "    (it said nothing)"
        super().__init__(
            f"{name} {status} before it was ready. Its last lines:\n{said}\n"
            f"  The whole log is {log}. `make down` and a new start help if another process was in "
            "the way; otherwise the lines above say what to repair.",
        )


class ChildNotReady(StackFailed):
    """A process runs but does not become ready."""

    def __init__(self, name: str, *, seconds: float, why: str, log: Path) -> None:
        """Say what it waits for."""
        super().__init__(
            f"{name} was not ready after {seconds:.0f} s: {why}. Its log is {log}",
        )


class NoRoom(StackFailed):
    """The disk is full."""

    def __init__(self, folder: Path, free_megabytes: int, needed_megabytes: int) -> None:
        """Say how much is needed where."""
        super().__init__(
            f"the disk that holds {folder} has {free_megabytes} MB free and the stack needs "
            f"{needed_megabytes} MB: free some, or put its files elsewhere with OTKLIK_RUN_DIR",
        )
