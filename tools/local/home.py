"""The folder that a stack keeps its state in: `.run` of the checkout, or a test's own."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.local.failures import AlreadyRuns, NoRoom

ROOT = Path(__file__).resolve().parents[2]
NEEDED_MEGABYTES = 300
MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Home:
    """Where everything of one stack is."""

    path: Path

    def prepare(self) -> None:
        """Make the folders; secrets are for their owner alone.

        Raises:
            NoRoom: the disk is too full to begin.
        """
        for folder in (self.path, self.logs, self.secrets, self.children):
            folder.mkdir(parents=True, exist_ok=True)
        self.secrets.chmod(0o700)
        free = shutil.disk_usage(self.path).free // MEGABYTE
        if free < NEEDED_MEGABYTES:
            raise NoRoom(self.path, free, NEEDED_MEGABYTES)

    @property
    def logs(self) -> Path:
        """One log file for each process."""
        return self.path / "logs"

    @property
    def secrets(self) -> Path:
        """Keys and passwords made on first run."""
        return self.path / "secrets"

    @property
    def children(self) -> Path:
        """One file for each running child, with its process id."""
        return self.path / "children"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's files."""
        return self.path / "postgres"

    @property
    def nats(self) -> Path:
        """The broker's files."""
        return self.path / "nats"

    @property
    def mailbox(self) -> Path:
        """The letters that left, and the ledger of them."""
        return self.path / "mailbox"

    def remember(self, name: str, facts: Mapping[str, object]) -> None:
        """Keep small facts in a file, whole or not at all."""
        target = self.path / name
        unfinished = target.with_suffix(".tmp")
        unfinished.write_text(json.dumps(facts, indent=2) + "\n")
        unfinished.replace(target)

    def recall(self, name: str) -> dict[str, object]:
        """Read what `remember` kept; empty if nothing was."""
        try:
            facts: dict[str, object] = json.loads((self.path / name).read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return facts

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for one stack: the lock goes with the process, however it ends.

        Raises:
            AlreadyRuns: another process holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRuns(self.holder() or 0) from None
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield

    def holder(self) -> int | None:
        """Name the process that holds the folder, if one does."""
        try:
            with (self.path / "lock").open("r+") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(lock.read().strip() or 0)
        except FileNotFoundError:
            return None
        return None
