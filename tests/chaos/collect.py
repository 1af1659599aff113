"""Reads what there is in the end: every database as its superuser, and the mailbox's ledger."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import asyncpg

from otklik.sla.v1 import events_pb2
from otklik_ops.flows import contracted
from tests.chaos.ledger import TOKEN
from tests.chaos.projections import projections
from tests.chaos.readings import (
    DeadLetter,
    Delivery,
    History,
    Item,
    Message,
    Readings,
    Versions,
)
from tools.mailbox.ledger import Entry, Outcome

Connection = asyncpg.Connection
_ARMED = events_pb2.ClocksArmed.DESCRIPTOR.full_name
_KEPT = frozenset({Outcome.ACCEPTED, Outcome.UNANSWERED})


async def collect(
    url_of: Callable[[str], str], services: tuple[str, ...], mailbox: Path
) -> Readings:
    """Read everything.

    Args:
        url_of: the address of a service's database for someone who may read all of it.
        services: those that run; the others have said nothing.
        mailbox: the folder of the local mailbox.
    """
    found = {name: await asyncpg.connect(url_of(name), timeout=10) for name in services}
    try:
        tickets = await _tickets(found["tickets"])
        histories = {name: await _history(found[name]) for name in services}
        return Readings(
            items=await _items(found["intake"]),
            tickets={ticket: token for ticket, (token, _) in tickets.items()},
            messages=await _messages(found["tickets"]),
            armed=await _armed(found["sla"]),
            deliveries=await _deliveries(
                found["notify"], {conversation: t for t, (_, conversation) in tickets.items()}
            ),
            mails=mails(mailbox),
            histories=histories,
            seen={
                (reader, owner): await _seen(found[reader], owner)
                for reader, owner in contracted().pairs
                if reader in found and owner in found
            },
            projections=await projections(found),
            dead=tuple([one for name in services for one in await _dead(found[name], name)]),
        )
    finally:
        for connection in found.values():
            await connection.close()


def mails(folder: Path) -> Counter[str]:
    """Count how often the mailbox took each Message-ID."""
    try:
        whole, _, _ = (folder / "ledger.jsonl").read_bytes().rpartition(b"\n")
    except FileNotFoundError:
        return Counter()
    entries = map(Entry.read, whole.splitlines())
    return Counter(entry.message_id for entry in entries if entry.outcome in _KEPT)


async def _items(intake: Connection) -> tuple[Item, ...]:
    rows = await intake.fetch("select state, coalesce(ticket_id::text, ''), subject from items")
    return tuple(Item(state=row[0], ticket_id=row[1], token=_token(row[2])) for row in rows)


async def _tickets(tickets: Connection) -> dict[str, tuple[str, str]]:
    rows = await tickets.fetch("select id::text, subject, conversation_id::text from tickets")
    return {row[0]: (_token(row[1]), row[2]) for row in rows}


async def _messages(tickets: Connection) -> tuple[Message, ...]:
    rows = await tickets.fetch("select ticket_id::text, text from public_messages")
    return tuple(
        Message(ticket_id=row[0], token=token)
        for row in rows
        for token in sorted(set(TOKEN.findall(row[1])))
    )


async def _armed(sla: Connection) -> Counter[str]:
    rows = await sla.fetch("select payload from events where type = $1", _ARMED)
    return Counter(events_pb2.ClocksArmed.FromString(row[0]).ticket_id for row in rows)


async def _deliveries(notify: Connection, ticket_of: dict[str, str]) -> tuple[Delivery, ...]:
    rows = await notify.fetch(
        "select internet_message_id, template, conversation_id::text, state, in_doubt"
        " from deliveries"
    )
    return tuple(
        Delivery(
            message_id=row[0],
            template=row[1],
            ticket_id=ticket_of.get(row[2], row[2]),
            state=row[3],
            in_doubt=row[4],
        )
        for row in rows
    )


async def _history(owner: Connection) -> History:
    rows = await owner.fetch(
        "select aggregate_id::text, array_agg(version order by position) from events group by 1"
    )
    heads = await owner.fetch("select aggregate_id::text, version from heads")
    waiting = await owner.fetchval("select count(*) from events where stream_sequence is null")
    return History(
        versions={row[0]: tuple(row[1]) for row in rows},
        heads=dict(map(tuple, heads)),
        unpublished=waiting,
    )


async def _seen(reader: Connection, owner: str) -> Versions:
    rows = await reader.fetch(
        "select aggregate_id::text, version from seen_versions where owner = $1", owner
    )
    return dict(map(tuple, rows))


async def _dead(service: Connection, name: str) -> list[DeadLetter]:
    rows = await service.fetch("select stream, reason, subject from dead_letters")
    return [DeadLetter(service=name, stream=row[0], reason=row[1], subject=row[2]) for row in rows]


def _token(text: str) -> str:
    found = re.search(TOKEN, text)
    return found.group() if found else ""
