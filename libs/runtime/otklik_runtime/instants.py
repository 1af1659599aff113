"""Instants on the wire: protobuf's timestamps and Python's aware datetimes in UTC."""

from datetime import UTC, datetime
from typing import overload

from google.protobuf.timestamp_pb2 import Timestamp


@overload
def stamp(instant: datetime) -> Timestamp: ...


@overload
def stamp(instant: None) -> None: ...


def stamp(instant: datetime | None) -> Timestamp | None:
    """Write an instant; None, which protobuf takes for an unset field, stays None."""
    if instant is None:
        return None
    written = Timestamp()
    written.FromDatetime(instant)
    return written


def read(written: Timestamp) -> datetime:
    """Read an instant."""
    return written.ToDatetime(tzinfo=UTC)
