"""What every stream and consumer must be, as the JSON that JetStream takes.

Raw JSON, because nats-py's own classes do not know every field (`allow_atomic`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from otklik_ops.flows import Flows
from otklik_runtime.envelope import durable_of, stream_of

MAX_AGE = timedelta(days=14)
DUPLICATE_WINDOW = timedelta(minutes=10)
ACK_WAIT = timedelta(seconds=60)
MAX_ACK_PENDING = 1000
# No event exceeds 256 KiB; JetStream counts the headers too.
MAX_EVENT_BYTES = 256 * 1024
HEADER_ALLOWANCE_BYTES = 16 * 1024

Config = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A stream as it must be."""

    name: str
    config: Config


@dataclass(frozen=True, kw_only=True)
class Consumer:
    """A durable as it must be."""

    stream: str
    name: str
    config: Config


@dataclass(frozen=True, kw_only=True)
class Definitions:
    """Everything the provisioner keeps right, streams before their consumers."""

    streams: tuple[Stream, ...]
    consumers: tuple[Consumer, ...]


def definitions(flows: Flows, *, replicas: int) -> Definitions:
    """Derive a stream for each owner and a durable for each (reader, owner)."""
    return Definitions(
        streams=tuple(_stream(owner, replicas) for owner in flows.owners),
        consumers=tuple(_consumer(reader, owner) for reader, owner in flows.pairs),
    )


def _stream(owner: str, replicas: int) -> Stream:
    name = stream_of(owner)
    return Stream(
        name=name,
        config={
            "name": name,
            "subjects": [f"otklik.{owner}.v1.>"],
            "storage": "file",
            "retention": "limits",
            "discard": "old",
            "max_age": _nanoseconds(MAX_AGE),
            "max_msgs": -1,
            "max_bytes": -1,
            "max_consumers": -1,
            "max_msg_size": MAX_EVENT_BYTES + HEADER_ALLOWANCE_BYTES,
            "duplicate_window": _nanoseconds(DUPLICATE_WINDOW),
            "num_replicas": replicas,
            "allow_atomic": True,
        },
    )


def _consumer(reader: str, owner: str) -> Consumer:
    name = durable_of(reader, owner)
    return Consumer(
        stream=stream_of(owner),
        name=name,
        config={
            "durable_name": name,
            "deliver_policy": "all",
            "ack_policy": "explicit",
            "replay_policy": "instant",
            "ack_wait": _nanoseconds(ACK_WAIT),
            "max_deliver": -1,
            "max_ack_pending": MAX_ACK_PENDING,
        },
    )


def _nanoseconds(duration: timedelta) -> int:
    return round(duration.total_seconds()) * 1_000_000_000
