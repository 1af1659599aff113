"""What readers made of what they heard, beside what the whole history, read in order, makes.

The translation is the reader's own: what is compared is delivery, each event once and in order.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import asyncpg
from google.protobuf.message import Message

from otklik.intake.v1 import events_pb2 as intake_events
from otklik_runtime.envelope import Incoming
from otklik_tickets.entrypoints.subscriptions import HEARD
from tests.chaos.readings import Projection

Connection = asyncpg.Connection
_RECEIVED = intake_events.MessageReceived.DESCRIPTOR.full_name


async def projections(databases: Mapping[str, Connection]) -> dict[str, Projection]:
    """Compare every projection whose reader and owner are there."""
    tickets = databases["tickets"]
    found = {
        "deadlines in tickets": Projection(
            expected=await _deadlines_said(databases["sla"]), found=await _deadlines_shown(tickets)
        ),
        "deliveries in tickets": Projection(
            expected=await _deliveries_said(databases["notify"]),
            found=await _deliveries_shown(tickets),
        ),
    }
    if "feedback" in databases:
        found["messages counted by feedback"] = Projection(
            expected={"all": await _received(databases["intake"])},
            found={"all": await _counted(databases["feedback"])},
        )
    return found


async def _deadlines_said(sla: Connection) -> dict[str, str]:
    return {
        f"{clock.ticket_id} {clock.kind} {clock.instance}": _stands(clock.due_at, clock.breached)
        for clocks in await _heard(sla, "sla")
        for clock in clocks
    }


async def _deadlines_shown(tickets: Connection) -> dict[str, str]:
    rows = await tickets.fetch(
        "select ticket_id::text, kind, instance, due_at, breached from ticket_clocks"
    )
    return {f"{row[0]} {row[1]} {row[2]}": _stands(row[3], row[4]) for row in rows}


async def _deliveries_said(notify: Connection) -> dict[str, str]:
    return {shown.message_id: shown.delivery_state for shown in await _heard(notify, "notify")}


async def _deliveries_shown(tickets: Connection) -> dict[str, str]:
    rows = await tickets.fetch(
        "select id::text, delivery_state from public_messages where delivery_state <> ''"
    )
    return dict(map(tuple, rows))


async def _received(intake: Connection) -> str:
    return str(await intake.fetchval("select count(*) from events where type = $1", _RECEIVED))


async def _counted(feedback: Connection) -> str:
    return str(await feedback.fetchval("select coalesce(sum(message_count), 0) from received"))


async def _heard(owner: Connection, name: str) -> Iterable:
    """Translate an owner's whole history, in order, as tickets hears it."""
    functions: Mapping[str, tuple[type[Message], Callable]] = {
        kind.DESCRIPTOR.full_name: (kind, function) for kind, function in HEARD[name].items()
    }
    rows = await owner.fetch(
        "select id::text, type, payload, aggregate_id::text, version, occurred_at, recorded_at,"
        " actor from events where type = any($1) order by position",
        list(functions),
    )
    heard = (functions[row[1]][1](_incoming(row, functions[row[1]][0])) for row in rows)
    return [one for one in heard if one is not None]


def _incoming(row: asyncpg.Record, kind: type[Message]) -> Incoming:
    return Incoming(
        event_id=row[0],
        type=row[1],
        message=kind.FromString(row[2]),
        aggregate_id=row[3],
        version=row[4],
        occurred_at=row[5],
        recorded_at=row[6],
        actor=row[7],
        traceparent="",
        stream="",
        sequence=0,
        delivery_count=1,
    )


def _stands(due_at: datetime | None, breached: bool) -> str:  # noqa: FBT001 - a column's value
    return f"{'none' if due_at is None else due_at.isoformat()}{' breached' if breached else ''}"
