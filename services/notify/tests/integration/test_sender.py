"""The sender against real PostgreSQL and a real mail server, with crashes between any two steps."""

import asyncio
import email
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from otklik.notify.v1 import events_pb2
from otklik_notify.adapters.tables import deliveries
from otklik_notify.adapters.unit_of_work import NotifyUnit
from otklik_notify.entrypoints.sender import Sender
from otklik_notify.handlers.deliver import take

LEASE = timedelta(seconds=20)


@pytest.fixture
def sender(database, carrier) -> Sender:
    return Sender(database, unit_of=NotifyUnit, carrier=carrier, hands=3, lease=LEASE)


@asynccontextmanager
async def running(sender: Sender) -> AsyncIterator[None]:
    task = asyncio.create_task(sender.run())
    try:
        yield
    finally:
        await sender.drain()
        await asyncio.wait_for(task, 10)


@dataclass(frozen=True)
class At:
    """A unit of work of another moment."""

    unit: NotifyUnit
    now: datetime

    def __getattr__(self, name):
        return getattr(self.unit, name)


async def settled(database, count: int):
    """Wait until so many deliveries have ended, and give all rows."""
    async with asyncio.timeout(15):
        while True:
            async with database.read() as connection:
                rows = (await connection.execute(select(deliveries))).mappings().all()
            if sum(row["state"] in {"accepted", "failed"} for row in rows) >= count:
                return rows
            await asyncio.sleep(0.02)


async def events(database):
    async with database.read() as connection:
        rows = await connection.exec_driver_sql(
            "select type, payload, aggregate_id::text from events order by position"
        )
        return [
            (getattr(events_pb2, type_name.rpartition(".")[2]).FromString(payload), aggregate_id)
            for type_name, payload, aggregate_id in rows
        ]


def message_ids(sink) -> list[str]:
    return [str(email.message_from_bytes(mail.content)["Message-ID"]) for mail in sink.mails]


async def test_what_is_queued_leaves_and_is_said(database, sender, sink, queue):
    queued = [await queue() for _ in range(20)]
    async with running(sender):
        rows = await settled(database, 20)

    assert sorted(message_ids(sink)) == sorted(each.internet_message_id for each in queued)
    assert {row["state"] for row in rows} == {"accepted"}
    said = await events(database)
    assert {event.delivery_id for event, _ in said} == {each.id for each in queued}
    assert {aggregate for _, aggregate in said} == {each.conversation_id for each in queued}
    assert not any(event.in_doubt for event, _ in said)


async def test_it_is_woken_by_what_is_queued(database, sender, sink, queue):
    async with running(sender):
        await asyncio.sleep(0.05)
        await queue()
        sender.wake()
        await settled(database, 1)

    assert len(sink.mails) == 1


async def test_a_crash_before_anything_left_sends_it_once_more_and_in_doubt(
    database, sender, sink, queue, clock
):
    delivery = await queue()
    async with database.transaction() as transaction:  # a sender that died after its mark
        await take(NotifyUnit(transaction), limit=10, lease=LEASE)
    clock.advance(LEASE)
    async with running(sender):
        await settled(database, 1)

    assert message_ids(sink) == [delivery.internet_message_id]
    [(event, _)] = await events(database)
    assert event.in_doubt


async def test_a_crash_after_the_server_accepted_doubles_under_the_same_message_id(
    database, sender, carrier, sink, queue
):
    long_ago = await database.now() - timedelta(hours=1)
    delivery = await queue(created_at=long_ago)
    async with database.transaction() as transaction:
        unit = At(NotifyUnit(transaction), long_ago)
        [(taken, mail)] = await take(unit, limit=10, lease=LEASE)
    await carrier.carry(taken, mail)  # and died before it could say so
    async with running(sender):
        rows = await settled(database, 1)

    assert message_ids(sink) == [delivery.internet_message_id] * 2
    assert rows[0]["in_doubt"]
    assert rows[0]["attempt_count"] == 2
    [(event, _)] = await events(database)
    assert event.in_doubt
    assert event.internet_message_id == delivery.internet_message_id


async def test_nobody_touches_it_while_the_lease_holds(database, sender, sink, queue, clock):
    await queue()
    async with database.transaction() as transaction:
        await take(NotifyUnit(transaction), limit=10, lease=LEASE)
    clock.advance(LEASE - timedelta(seconds=1))
    async with running(sender):
        await asyncio.sleep(0.2)

    assert sink.mails == []


async def test_a_refused_address_fails_at_once_and_says_why(database, sender, sink, queue):
    sink.answers["RCPT"] = ["550 5.1.1 no such user"]
    await queue()
    async with running(sender):
        [row] = await settled(database, 1)

    assert (row["state"], row["reason"], row["last_error"]) == (
        "failed",
        "address_refused",
        "address_refused 550 5.1.1",
    )
    [(event, _)] = await events(database)
    assert isinstance(event, events_pb2.DeliveryFailed)
    assert event.reason == "address_refused"


async def test_a_refusal_for_now_is_tried_again_when_its_time_has_come(
    database, sender, sink, queue, clock
):
    sink.answers["DATA"] = ["451 4.3.0 later", "451 4.3.0 later"]
    delivery = await queue()
    async with running(sender):
        for attempt, wait in ((1, 1), (2, 5)):
            await until_waits(database, delivery.id, attempt)
            clock.advance(timedelta(seconds=wait))
            sender.wake()
        [row] = await settled(database, 1)

    assert row["state"] == "accepted"
    assert row["attempt_count"] == 3
    assert not row["in_doubt"]
    assert message_ids(sink) == [delivery.internet_message_id]


async def test_a_connection_cut_after_the_text_leaves_it_in_doubt(
    database, sender, sink, queue, clock
):
    sink.hang_up = 1
    delivery = await queue()
    async with running(sender):
        await until_waits(database, delivery.id, 1)
        clock.advance(timedelta(seconds=1))
        sender.wake()
        [row] = await settled(database, 1)

    assert row["in_doubt"]
    assert message_ids(sink) == [delivery.internet_message_id] * 2


async def test_a_drained_sender_gives_back_what_it_has_not_begun(
    database, carrier, sink, queue, clock
):
    for _ in range(12):
        await queue()
    sink.slow = 0.2
    sender = Sender(database, unit_of=NotifyUnit, carrier=carrier, hands=1, lease=LEASE)
    async with running(sender):
        await asyncio.wait_for(sink.arrived.wait(), 5)

    async with database.read() as connection:
        rows = (await connection.execute(select(deliveries))).mappings().all()
    states = [row["state"] for row in rows]
    assert "sending" not in states
    assert states.count("accepted") == len(sink.mails)
    assert not any(row["in_doubt"] for row in rows)


async def test_two_senders_share_the_work_and_double_nothing(database, carrier, sink, queue):
    queued = [await queue() for _ in range(40)]
    both = [
        Sender(database, unit_of=NotifyUnit, carrier=carrier, hands=3, lease=LEASE)
        for _ in range(2)
    ]
    async with running(both[0]), running(both[1]):
        await settled(database, 40)

    assert sorted(message_ids(sink)) == sorted(each.internet_message_id for each in queued)
    assert len(await events(database)) == 40


async def until_waits(database, delivery_id: str, attempt: int) -> None:
    """Wait until this attempt has ended and the delivery is queued again."""
    async with asyncio.timeout(10):
        while True:
            async with database.read() as connection:
                query = select(
                    deliveries.c.state, deliveries.c.attempt_count, deliveries.c.last_error
                )
                row = (await connection.execute(query.where(deliveries.c.id == delivery_id))).one()
            if row.state == "queued" and row.attempt_count == attempt:
                return
            await asyncio.sleep(0.02)
