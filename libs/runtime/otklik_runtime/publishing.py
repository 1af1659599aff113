"""How recorded events get into a stream: in one atomic batch, or singly where that is refused.

A duplicate counts as success. What the broker will never take, however often it is offered, is told
apart from what it does not take at the moment.
"""

import asyncio
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NatsError

from otklik_runtime import envelope, telemetry
from otklik_runtime.envelope import Recorded

REQUEST_SECONDS = 5.0
_WINDOW = 100

# The broker's error codes for a message it will never take: too long, or its headers are.
_NEVER = {10054, 10097}


class Refused(Exception):
    """The broker answered a publish with an error."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"{code} {description}")
        self.code = code


class _TooLong(Refused):
    """The broker would end the connection over a message of this size."""


@dataclass(kw_only=True)
class Outcome:
    """What became of some rows.

    Attributes:
        sequences: The place in the stream of each row that is in it, by position.
        dead: The rows that will never be in it, and why.
        first_new: The lowest place that was given now, not at an earlier attempt.
        error: Why others are not in it yet.
    """

    sequences: dict[int, int] = field(default_factory=dict)
    dead: list[tuple[Recorded, str]] = field(default_factory=list)
    first_new: int | None = None
    error: BaseException | None = None

    def settles(self, rows: Sequence[Recorded]) -> bool:
        """Say whether nothing of these rows is left to do."""
        return len(self.sequences) + len(self.dead) == len(rows)

    def add(self, row: Recorded, answer: dict[str, Any] | BaseException) -> None:
        """Count the broker's answer for one row."""
        if isinstance(answer, dict):
            sequence = self.sequences[row.position] = int(answer["seq"])
            if not answer.get("duplicate"):
                self.first_new = min(sequence, self.first_new or sequence)
        elif isinstance(answer, _TooLong) or (
            isinstance(answer, Refused) and answer.code in _NEVER
        ):
            self.dead.append((row, str(answer)))
        elif isinstance(answer, (Refused, NatsError, OSError, TimeoutError)):
            self.error = answer
        else:
            raise answer


class Publisher:
    """Publishes rows of one service, in their order."""

    def __init__(self, client: Client, service: str) -> None:
        """Publish over a connection."""
        self._client = client
        self._service = service

    async def publish(self, rows: Sequence[Recorded], *, singly: bool) -> Outcome:
        """Publish in order.

        Raises:
            NatsError: the broker cannot be reached.
        """
        if not singly and len(rows) > 1:
            try:
                return await self._atomically(rows)
            except Refused:
                telemetry.count("otklik.relay.refused_batches")
        return await self._singly(rows)

    async def _atomically(self, rows: Sequence[Recorded]) -> Outcome:
        batch = uuid.uuid4().hex  # noqa: TID251 - names one publish attempt, nothing kept
        messages = [(row, self._batched(row, batch, place)) for place, row in enumerate(rows, 1)]
        messages[-1][1]["Nats-Batch-Commit"] = "1"
        for row, headers in messages:
            self._require_room(row, headers)
        for row, headers in messages[:-1]:
            await self._client.publish(row.subject, row.payload, headers=headers)
        answer = await self._send(*messages[-1])
        if int(answer.get("count", 0)) != len(rows):
            raise Refused(0, "the batch was taken in part")
        first = int(answer["seq"]) - len(rows) + 1
        return Outcome(
            sequences={row.position: first + place for place, row in enumerate(rows)},
            first_new=first,
        )

    async def _singly(self, rows: Sequence[Recorded]) -> Outcome:
        outcome = Outcome()
        for begin in range(0, len(rows), _WINDOW):
            window = rows[begin : begin + _WINDOW]
            answers = await asyncio.gather(
                *(self._one(row) for row in window), return_exceptions=True
            )
            for row, answer in zip(window, answers, strict=True):
                outcome.add(row, answer)
            if outcome.error is not None:
                break
        return outcome

    async def _one(self, row: Recorded) -> dict[str, Any]:
        headers = envelope.headers_of(row, self._service)
        self._require_room(row, headers)
        return await self._send(row, headers)

    async def _send(self, row: Recorded, headers: dict[str, str]) -> dict[str, Any]:
        """Publish one message and read the answer.

        Raises:
            Refused: the broker says no.
        """
        answer = await self._client.request(
            row.subject, row.payload, timeout=REQUEST_SECONDS, headers=headers
        )
        found: dict[str, Any] = json.loads(answer.data)
        if "error" in found:
            error = found["error"]
            raise Refused(int(error.get("err_code", 0)), str(error.get("description", "")))
        return found

    def _batched(self, row: Recorded, batch: str, place: int) -> dict[str, str]:
        return {
            **envelope.headers_of(row, self._service),
            "Nats-Batch-Id": batch,
            "Nats-Batch-Sequence": str(place),
        }

    def _require_room(self, row: Recorded, headers: dict[str, str]) -> None:
        """Check the size that the broker counts, headers and all: nats-py checks the payload alone.

        Raises:
            _TooLong: there is none; the broker would end the connection, again and again.
        """
        size = len(row.payload) + envelope.size_of(headers)
        if size > self._client.max_payload:
            raise _TooLong(0, f"{size} bytes exceed the broker's {self._client.max_payload}")
