"""How events are written down, in the transaction of what they tell.

Two statements: the heads of their aggregates (which locks each aggregate and gives the next
version) and the event rows, whose `position` is therefore assigned under that lock.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otklik_runtime import envelope, ids, personal, story

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from google.protobuf.message import Message
    from sqlalchemy.ext.asyncio import AsyncConnection

MAX_EVENT_BYTES = 256 * 1024
"""No event is larger; longer text stays with its owner and is referenced."""

HISTORY_LOCK = 0x07_71_1C
"""Advisory lock: writers of events hold it shared, whoever needs a settled end of the history
takes it alone."""

_HEADS = """
    with before as (select aggregate_id, traceparent from heads where aggregate_id =
    any($1::uuid[]))
    insert into heads as h (aggregate_id, version, traceparent, traced_at)
    select f.aggregate_id, f.count, nullif(f.traceparent, ''), $4::timestamptz
      from unnest($1::uuid[], $2::bigint[], $3::text[]) as f (aggregate_id, count, traceparent),
           (select pg_advisory_xact_lock_shared($5::bigint)) as history
     order by f.aggregate_id
    on conflict (aggregate_id) do update set
      version = h.version + excluded.version,
      traceparent = case when h.traceparent is null
                           or h.traced_at < excluded.traced_at - $6::interval
                         then coalesce(excluded.traceparent, h.traceparent)
                         else h.traceparent end,
      traced_at = case when h.traceparent is null or excluded.traceparent is not null
                         and h.traced_at < excluded.traced_at - $6::interval
                       then excluded.traced_at else h.traced_at end
    returning h.aggregate_id::text, h.version, coalesce(h.traceparent, ''),
      coalesce((select b.traceparent from before b where b.aggregate_id = h.aggregate_id), '')
"""

_EVENTS = """
    insert into events (id, type, aggregate_id, version, subject, payload, occurred_at,
    recorded_at, actor, cause_id,
                        traceparent, personal_digest, personal_salt, audit_hash)
    select id, type, aggregate_id, version, subject, payload, occurred_at, $13::timestamptz, actor,
           nullif(cause_id, '')::uuid, nullif(traceparent, ''), personal_digest, personal_salt,
           audit_hash
      from unnest($1::uuid[], $2::text[], $3::uuid[], $4::bigint[], $5::text[], $6::bytea[],
      $7::timestamptz[],
                  $8::text[], $9::text[], $10::text[], $11::bytea[], $12::bytea[], $14::bytea[])
           with ordinality as f (id, type, aggregate_id, version, subject, payload, occurred_at,
           actor, cause_id,
                                 traceparent, personal_digest, personal_salt, audit_hash, place)
     order by place
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """Something that happened, as the handler said it."""

    message: Message
    aggregate_id: str
    occurred_at: datetime
    actor: str
    cause: str
    traceparent: str


@dataclass(frozen=True, kw_only=True)
class Recorder:
    """Writes the events of one transaction.

    Attributes:
        now: The transaction's time.
        causes: The incoming events it answers, by event id and by aggregate id.
        started_ns: When its work began, in nanoseconds of the epoch.
    """

    now: datetime
    causes: Mapping[str, story.Cause]
    started_ns: int

    async def write(self, connection: AsyncConnection, facts: Sequence[Fact]) -> None:
        """Give each fact its version and its row."""
        heads = await self._heads(connection, facts)
        rows = [self._row(fact, heads) for fact in facts]
        columns = [list(column) for column in zip(*rows, strict=True)]
        await connection.exec_driver_sql(_EVENTS, (*columns[:12], self.now, columns[12]))

    async def _heads(
        self, connection: AsyncConnection, facts: Sequence[Fact]
    ) -> dict[str, story.Head]:
        counts = Counter(fact.aggregate_id for fact in facts)
        aggregates = sorted(counts)
        contexts = {fact.aggregate_id: self._context(fact) for fact in reversed(facts)}
        found = await connection.exec_driver_sql(
            _HEADS,
            (
                aggregates,
                [counts[one] for one in aggregates],
                [contexts[one] for one in aggregates],
                self.now,
                HISTORY_LOCK,
                story.LENGTH,
            ),
        )
        return {
            aggregate: story.Head(
                version=version - counts[aggregate], traceparent=traceparent, before=before
            )
            for aggregate, version, traceparent, before in map(tuple, found)
        }

    def _context(self, fact: Fact) -> str:
        cause = self.causes.get(fact.cause) or self.causes.get(fact.aggregate_id)
        return fact.traceparent or (cause.traceparent if cause else "") or story.current()

    def _row(self, fact: Fact, heads: dict[str, story.Head]) -> tuple[Any, ...]:
        head = heads[fact.aggregate_id]
        head.version += 1
        type_name = fact.message.DESCRIPTOR.full_name
        event_id = ids.new_id()
        cause = self.causes.get(fact.cause) or self.causes.get(fact.aggregate_id)
        cause_id = fact.cause or (cause.event_id if cause else "")
        facts = personal.facts_of(
            event_id=event_id,
            type_name=type_name,
            aggregate_id=fact.aggregate_id,
            version=head.version,
            occurred_at=fact.occurred_at,
            recorded_at=self.now,
            actor=fact.actor,
            cause_id=cause_id,
        )
        proof = personal.fingerprint(fact.message, facts)
        return (
            event_id,
            type_name,
            fact.aggregate_id,
            head.version,
            f"{envelope.subject_prefix(type_name)}.{fact.aggregate_id}",
            fact.message.SerializeToString(deterministic=True),
            fact.occurred_at,
            fact.actor,
            cause_id,
            story.of_fact(
                head,
                self._context(fact),
                said=type_name.rpartition(".")[2],
                started_ns=self.started_ns,
            ),
            proof.digest,
            proof.salt,
            proof.audit_hash,
        )
