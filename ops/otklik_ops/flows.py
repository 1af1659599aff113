"""Who says and who hears what, read from the contracts' table of flows.

Streams, durables and NATS permissions are derived from here, so that none of them can name a flow
that the contracts do not have.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from otklik_runtime import envelope


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event and the services that hear it."""

    full_name: str
    owner: str
    readers: tuple[str, ...]

    @property
    def subject(self) -> str:
        """Its subject up to the aggregate's id: `otklik.tickets.v1.ticket_opened`."""
        return envelope.subject_prefix(self.full_name)


@dataclass(frozen=True, kw_only=True)
class Flows:
    """Every event that exists."""

    events: tuple[Event, ...]

    @property
    def owners(self) -> tuple[str, ...]:
        """The services that say something, in alphabetical order: each has a stream."""
        return tuple(sorted({event.owner for event in self.events}))

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Every (reader, owner): each is a durable."""
        found = {(reader, event.owner) for event in self.events for reader in event.readers}
        return tuple(sorted(found))

    def said_by(self, owner: str) -> tuple[Event, ...]:
        """List the events of one owner."""
        return tuple(event for event in self.events if event.owner == owner)

    def heard_by(self, reader: str) -> tuple[str, ...]:
        """List the owners that a service listens to."""
        return tuple(owner for by, owner in self.pairs if by == reader)


def read(table: Mapping[str, Mapping[str, str]]) -> Flows:
    """Make flows of the `events` part of the table: full name -> reader -> what for."""
    return Flows(
        events=tuple(
            Event(full_name=name, owner=name.split(".")[1], readers=tuple(sorted(readers)))
            for name, readers in sorted(table.items())
        ),
    )


@cache
def contracted() -> Flows:
    """Read the flows of the installed contracts."""
    table = json.loads((files("otklik") / "flows.json").read_text())
    return read(table["events"])
