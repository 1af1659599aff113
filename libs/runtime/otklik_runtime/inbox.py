"""What a reader has seen, kept in its own database, in the transaction of the effect.

Two marks for each event: its id (`inbox`, kept 30 days), so that a redelivery or a republished
event changes nothing,
and the newest version of its aggregate (`seen_versions`), so that events of one aggregate are
applied in order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otklik_runtime import dead_letters, envelope

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from otklik_runtime.envelope import Incoming

_SEEN = """
    select aggregate_id::text, version from seen_versions
     where owner = $1 and aggregate_id = any($2::uuid[])
     order by aggregate_id
"""
_LOCKED = f"{_SEEN} for update"

_JUMP = """
    insert into seen_versions as s (owner, aggregate_id, version, stale)
    values ($1, $2::uuid, $3::bigint, true)
    on conflict (owner, aggregate_id) do update
      set version = greatest(s.version, excluded.version), stale = true
"""

_MARK = """
    insert into inbox (event_id, handled_at)
    select event_id, $2::timestamptz from unnest($1::uuid[]) as f (event_id) order by event_id
    on conflict (event_id) do nothing
    returning event_id::text
"""

_ADVANCE = """
    insert into seen_versions as s (owner, aggregate_id, version)
    select $1, f.aggregate_id, f.version from unnest($2::uuid[], $3::bigint[]) as f (aggregate_id,
    version)
     order by f.aggregate_id
    on conflict (owner, aggregate_id) do update set version = greatest(s.version, excluded.version)
"""

_PRUNE = """
    delete from inbox where event_id in
      (select event_id from inbox where handled_at < $1::timestamptz order by handled_at limit
      $2::int)
"""


@dataclass(kw_only=True)
class Verdicts:
    """What to do with each event of a batch: apply, answer as duplicate, or wait."""

    apply: list[Incoming] = field(default_factory=list)
    duplicate: list[Incoming] = field(default_factory=list)
    deferred: list[Incoming] = field(default_factory=list)

    @property
    def settled(self) -> list[Incoming]:
        """What is answered for good."""
        return self.apply + self.duplicate


async def judge(
    connection: AsyncConnection, owner: str, batch: Sequence[Incoming], *, now: datetime
) -> Verdicts:
    """Lock the marks of the batch's aggregates, judge each event, mark those to apply."""
    verdicts = await _judged(connection, _LOCKED, owner, batch)
    await _mark(connection, verdicts, now=now)
    return verdicts


async def look(connection: AsyncConnection, owner: str, event: Incoming) -> Verdicts:
    """Judge one event without any mark or lock."""
    return await _judged(connection, _SEEN, owner, [event])


async def _judged(
    connection: AsyncConnection, statement: str, owner: str, batch: Sequence[Incoming]
) -> Verdicts:
    aggregates = sorted({event.aggregate_id for event in batch})
    rows = await connection.exec_driver_sql(statement, (owner, aggregates))
    seen: dict[str, int] = dict(map(tuple, rows))
    dead: set[tuple[str, int]] | None = None
    verdicts = Verdicts()
    for event in batch:
        newest = seen.get(event.aggregate_id, 0)
        if event.version > newest + 1:
            if dead is None:
                stream = envelope.stream_of(owner)
                dead = await dead_letters.dead_versions(connection, stream, aggregates)
            while (event.aggregate_id, newest + 1) in dead and newest + 1 < event.version:
                newest += 1
        if event.version <= newest:
            verdicts.duplicate.append(event)
        elif event.version == newest + 1:
            verdicts.apply.append(event)
            seen[event.aggregate_id] = event.version
        else:
            verdicts.deferred.append(event)
    return verdicts


async def _mark(connection: AsyncConnection, verdicts: Verdicts, *, now: datetime) -> None:
    if not verdicts.apply:
        return
    rows = await connection.exec_driver_sql(
        _MARK, ([event.event_id for event in verdicts.apply], now)
    )
    fresh = {row[0] for row in rows}
    verdicts.duplicate.extend(event for event in verdicts.apply if event.event_id not in fresh)
    verdicts.apply = [event for event in verdicts.apply if event.event_id in fresh]


async def advance(connection: AsyncConnection, owner: str, events: Sequence[Incoming]) -> None:
    """Remember the newest version of each aggregate; written last, its lock is held briefly."""
    versions: dict[str, int] = {}
    for event in events:
        versions[event.aggregate_id] = max(event.version, versions.get(event.aggregate_id, 0))
    aggregates = sorted(versions)
    if aggregates:
        await connection.exec_driver_sql(
            _ADVANCE, (owner, aggregates, [versions[one] for one in aggregates])
        )


async def newest(connection: AsyncConnection, owner: str, aggregate_id: str) -> int:
    """Return the newest version seen of an aggregate; 0 if none."""
    rows = await connection.exec_driver_sql(_SEEN, (owner, [aggregate_id]))
    return max((int(version) for _, version in map(tuple, rows)), default=0)


async def jump(connection: AsyncConnection, owner: str, aggregate_id: str, *, to: int) -> None:
    """Count everything up to a version as seen; what was built from the aggregate is stale."""
    await connection.exec_driver_sql(_JUMP, (owner, aggregate_id, to))


async def prune(connection: AsyncConnection, *, before: datetime, limit: int) -> int:
    """Delete at most `limit` marks older than `before`; return how many went."""
    result = await connection.exec_driver_sql(_PRUNE, (before, limit))
    return int(result.rowcount)
