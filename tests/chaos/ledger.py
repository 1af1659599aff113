"""The external ledger: what was attempted and what became of it, as the outside world knows it.

Written by the load generator, a process of its own. The line of an attempt is on disk before its
first byte is sent; the line of its outcome follows when the client knows it. An attempt without an
outcome, or with `unknown`, may have arrived or not: both are right.
"""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

TOKEN = re.compile(r"ch[0-9a-f]{6}-[a-z]+[0-9]-[0-9]{5}")


class Outcome(StrEnum):
    """What a client knows at the end."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"  # told for good that it will not be taken
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One message that somebody wanted to hand over, however often it was sent.

    Attributes:
        token: found again in whatever the message becomes.
        writer: who sent it; a writer sends one after another.
        number: its place among the writer's.
        door: `smtp`, `http`, `grpc`, or what an agent does: `answer`, `resolution`.
        outcome: what the client knows.
        said: the last answer, for people who look for the cause.
    """

    token: str
    writer: str
    number: int
    door: str
    outcome: Outcome = Outcome.UNKNOWN
    said: str = ""


class Ledger:
    """Writes attempts and outcomes; nothing is sent before it is on disk."""

    def __init__(self, path: Path, *, run: str) -> None:
        """Begin a ledger.

        Args:
            path: its file.
            run: six hexadecimal digits that no other run has.
        """
        self._file = path.open("ab")
        self._run = run

    def attempt(self, writer: str, number: int, door: str) -> Attempt:
        """Write down that something is about to be sent."""
        token = f"ch{self._run}-{writer}-{number:05}"
        attempt = Attempt(token=token, writer=writer, number=number, door=door)
        facts = {"token": token, "writer": writer, "number": number, "door": door}
        self._write({"attempt": facts})
        return attempt

    def outcome(self, attempt: Attempt, outcome: Outcome, said: str = "") -> None:
        """Write down what the client knows now."""
        self._write({"outcome": {"token": attempt.token, "outcome": outcome, "said": said[:200]}})

    def close(self) -> None:
        """Write no more."""
        self._file.close()

    def _write(self, line: object) -> None:
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def read(paths: Iterable[Path]) -> list[Attempt]:
    """Read ledgers, whole lines only: a torn one was never followed by a send."""
    attempts: dict[str, Attempt] = {}
    for path in paths:
        whole, _, _ = path.read_bytes().rpartition(b"\n")
        for line in whole.splitlines():
            entry = json.loads(line)
            if "attempt" in entry:
                attempts[entry["attempt"]["token"]] = Attempt(**entry["attempt"])
            else:
                told = entry["outcome"]
                known = attempts[told["token"]]
                attempts[known.token] = Attempt(
                    token=known.token,
                    writer=known.writer,
                    number=known.number,
                    door=known.door,
                    outcome=Outcome(told["outcome"]),
                    said=told["said"],
                )
    return list(attempts.values())
