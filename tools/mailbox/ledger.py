"""The ledger: one line on disk for every attempt to hand over a letter, before it is answered.

Letters lie beside it as in a maildir: written under `tmp`, then moved to `new`. A line is forced to
disk together with those that wait at the same moment, and only then are their senders answered. So
the ledger never says less than what senders were told, whatever is killed and whenever.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from io import BufferedRandom
from pathlib import Path


class Outcome(StrEnum):
    """How an attempt ended."""

    ACCEPTED = "accepted"  # kept, and the sender is told so
    UNANSWERED = "unanswered"  # kept, and the connection cut before the sender could know
    REFUSED = "refused"  # not kept, and the sender is told so
    DROPPED = "dropped"  # not kept, and the connection cut


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One attempt; `number` is the letter's, where one was kept."""

    at: str
    outcome: Outcome
    reply: str
    mail_from: str
    recipients: tuple[str, ...]
    number: int | None = None
    message_id: str = ""
    size: int = 0
    sha256: str = ""

    @staticmethod
    def read(line: bytes) -> "Entry":
        """Read a line back."""
        fields = json.loads(line)
        recipients = tuple(fields.pop("recipients"))
        return Entry(outcome=Outcome(fields.pop("outcome")), recipients=recipients, **fields)

    def line(self) -> bytes:
        """Write the entry as a line."""
        return json.dumps(asdict(self), ensure_ascii=False).encode() + b"\n"


class DirectoryBusy(OSError):
    """Another mailbox keeps its letters in this directory."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"{directory} is in use by another mailbox: stop it, or choose another directory"
        )


@dataclass(frozen=True, kw_only=True)
class _Waiting:
    entry: Entry
    content: bytes
    written: asyncio.Future[None]


class Ledger:
    """Keeps letters and the account of them in a directory, for one process at a time."""

    def __init__(self, directory: Path, *, written: Callable[[Entry], None]) -> None:
        """Prepare a ledger.

        Args:
            directory: where it lies.
            written: told of each entry as soon as it is on disk, in the order of the ledger, even
                if whoever sent it is gone by then.
        """
        self.directory = directory
        self._written = written
        self._file: BufferedRandom | None = None
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    def open(self) -> tuple[Entry, ...]:
        """Take the directory and return what its ledger already says.

        Raises:
            DirectoryBusy: another process has taken it.
        """
        for folder in ("tmp", "new"):
            (self.directory / folder).mkdir(parents=True, exist_ok=True)
        # Letters hold live links: they are for their owner alone.
        self.directory.chmod(0o700)
        file = (self.directory / "ledger.jsonl").open("a+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise DirectoryBusy(self.directory) from error
        file.seek(0)
        whole, _, torn = file.read().rpartition(b"\n")
        if torn:
            # A line without its end was never answered: its writer died first.
            file.truncate(len(whole) + 1 if whole else 0)
        self._file = file
        return tuple(Entry.read(line) for line in whole.splitlines())

    def path(self, number: int) -> Path:
        """Return where the letter with this number lies."""
        return self.directory / "new" / f"{number:08}.eml"

    async def write(self, entry: Entry, content: bytes = b"") -> None:
        """Return when the entry, and the letter if it has a number, are on disk.

        Raises:
            OSError: they could not be written; the ledger says nothing of the attempt.
        """
        written = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(entry=entry, content=content, written=written))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all(), name="mailbox-ledger")
        # Shielded: a sender that goes away must not leave the outcome of the others open.
        await asyncio.shield(written)

    async def close(self) -> None:
        """Finish what waits and release the directory."""
        if self._writing is not None:
            await self._writing
        if self._file is not None:
            self._file.close()
            self._file = None

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await asyncio.to_thread(self._write_batch, batch)
            except OSError as error:
                _settle(batch, error)
            else:
                for waiting in batch:
                    self._written(waiting.entry)
                _settle(batch, None)
        self._writing = None

    def _write_batch(self, batch: Sequence[_Waiting]) -> None:
        if self._file is None:
            msg = "the ledger is closed"
            raise OSError(msg)
        for waiting in batch:
            if waiting.entry.number is not None:
                self._write_letter(waiting.entry.number, waiting.content)
        end = self._file.seek(0, os.SEEK_END)
        try:
            self._file.write(b"".join(waiting.entry.line() for waiting in batch))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError:
            os.ftruncate(self._file.fileno(), end)
            raise

    def _write_letter(self, number: int, content: bytes) -> None:
        # Not forced to disk: a letter outlives the death of this process, and of a machine that
        # lost its power the ledger still has its Message-ID, size and digest.
        kept = self.path(number)
        arriving = self.directory / "tmp" / kept.name
        arriving.write_bytes(content)
        arriving.replace(kept)


def _settle(batch: Sequence[_Waiting], error: OSError | None) -> None:
    for waiting in batch:
        if waiting.written.done():
            continue
        if error is None:
            waiting.written.set_result(None)
        else:
            waiting.written.set_exception(error)
