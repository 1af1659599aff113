"""Reads every owner's stream as the development-only `follow` user, without making a consumer.

Messages are fetched one by one by sequence and filter; a subscription only tells that something
came. So a reader sees every event of a conversation, in the order of each stream, once.
"""

import asyncio
import base64
import importlib
import json
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from otklik_ops.flows import contracted
from otklik_ops.permissions import FOLLOW
from otklik_runtime import envelope
from otklik_runtime.bus import Bus
from tools.local.failures import StackFailed
from tools.local.ports import Ports
from tools.local.secrets import Secrets

NO_MESSAGE = 404
ANSWER_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class Told:
    """One event as it stands in its owner's stream."""

    owner: str
    sequence: int
    type: str
    aggregate_id: str
    message: Any
    occurred_at: datetime
    recorded_at: datetime
    event_id: str
    traceparent: str

    @property
    def name(self) -> str:
        """The message's own name: `TicketOpened`."""
        return self.type.rpartition(".")[2]

    @property
    def trace_id(self) -> str:
        """The W3C trace id, empty when there is none."""
        parts = self.traceparent.split("-")
        return parts[1] if len(parts) > 1 else ""


class Streams:
    """A connection that reads; open it as a context manager."""

    def __init__(self, ports: Ports, secrets: Secrets) -> None:
        """Describe the connection."""
        self._ports = ports
        self._secrets = secrets
        self._stack = AsyncExitStack()
        self._came = asyncio.Event()
        self._client: Client | None = None
        self.owners = contracted().owners
        for owner in self.owners:
            # So that the messages of its events are known by name.
            importlib.import_module(f"otklik.{owner}.v1.events_pb2")

    async def __aenter__(self) -> Self:
        """Connect and hear of what comes."""
        password = self._secrets.nats_password(FOLLOW)
        bus = await Bus.open(self._ports.nats_url, self._stack, user=FOLLOW, password=password)
        self._client = await bus.client()
        for owner in self.owners:
            await self._client.subscribe(f"otklik.{owner}.v1.>", cb=self._hear)
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Disconnect."""
        await self._stack.aclose()

    def reader(
        self, conversation_id: str = "*", *, after: Mapping[str, int] | None = None
    ) -> "Reader":
        """Read one conversation from its first event on, or everything."""
        return Reader(self, conversation_id, after or {})

    async def ends(self) -> dict[str, int]:
        """Say where each stream ends now."""
        return {owner: await self._last_sequence(owner) for owner in self.owners}

    async def wait(self, seconds: float) -> None:
        """Return when something came, or after a while."""
        try:
            await asyncio.wait_for(self._came.wait(), seconds)
        except TimeoutError:
            return
        self._came.clear()

    async def next_in(self, owner: str, subject: str, after: int) -> Told | None:
        """Fetch the next event of a stream on these subjects, if there is one."""
        asked = {"seq": after + 1, "next_by_subj": subject}
        answer = await self._ask(f"STREAM.MSG.GET.{envelope.stream_of(owner)}", asked)
        if answer is None:
            return None
        stored = answer["message"]
        headers = _headers(base64.b64decode(stored.get("hdrs", "")))
        type_name = headers["ce-type"]
        payload = base64.b64decode(stored.get("data", ""))
        return Told(
            owner=owner,
            sequence=stored["seq"],
            type=type_name,
            aggregate_id=headers["ce-subject"],
            message=envelope.message_class(type_name).FromString(payload),
            occurred_at=envelope.instant(headers["ce-time"]),
            recorded_at=envelope.instant(headers["ce-recordedtime"]),
            event_id=headers["ce-id"],
            traceparent=headers.get("traceparent", ""),
        )

    async def _last_sequence(self, owner: str) -> int:
        answer = await self._ask(f"STREAM.INFO.{envelope.stream_of(owner)}", {})
        return 0 if answer is None else int(answer["state"]["last_seq"])

    async def _ask(self, verb: str, asked: Mapping[str, object]) -> dict[str, Any] | None:
        if self._client is None:
            raise StackFailed("the streams are not open")
        payload = json.dumps(asked).encode() if asked else b""
        try:
            message = await self._client.request(f"$JS.API.{verb}", payload, timeout=ANSWER_SECONDS)
        except NatsError as reason:
            raise StackFailed(f"the broker did not answer {verb}: {reason}") from reason
        answer: dict[str, Any] = json.loads(message.data)
        error = answer.get("error")
        if error is None:
            return answer
        if error.get("code") == NO_MESSAGE:
            return None
        raise StackFailed(f"the broker refused {verb}: {error.get('description')}")

    async def _hear(self, message: Msg) -> None:
        del message
        self._came.set()


class Reader:
    """A place in every stream, from which one reads on."""

    def __init__(self, streams: Streams, conversation_id: str, after: Mapping[str, int]) -> None:
        """Begin after these sequences, by owner."""
        self._streams = streams
        self._subject = conversation_id
        self._after = {owner: after.get(owner, 0) for owner in streams.owners}

    async def read(self) -> list[Told]:
        """Read everything that is new, in the order in which it was recorded."""
        found = [told for owner in self._after for told in await self._read_owner(owner)]
        return sorted(found, key=lambda told: (told.recorded_at, told.owner, told.sequence))

    async def _read_owner(self, owner: str) -> Iterable[Told]:
        found = []
        subject = f"otklik.{owner}.v1.*.{self._subject}"
        while told := await self._streams.next_in(owner, subject, self._after[owner]):
            self._after[owner] = told.sequence
            found.append(told)
        return found


def _headers(raw: bytes) -> dict[str, str]:
    """Read the headers of a stored message: `NATS/1.0`, then one a line."""
    lines = raw.decode().split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
