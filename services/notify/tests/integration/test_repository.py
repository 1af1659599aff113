import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, inspect, select

from otklik_notify.adapters.tables import METADATA, deliveries
from otklik_notify.adapters.unit_of_work import NotifyUnit
from otklik_notify.adapters.views import PostgresDeliveryViews
from otklik_notify.domain.acknowledgement import Half, Outcome
from otklik_notify.domain.delivery import State
from otklik_notify.domain.errors import DeliveryNotFound
from otklik_notify.domain.mail import Thread
from otklik_notify.domain.notices import Automatic
from otklik_notify.ports import Place
from otklik_runtime.ids import new_id


def opened(ticket, due_at) -> Half:
    return Half(
        ticket_id=ticket.ticket_id,
        conversation_id=ticket.conversation_id,
        opened=ticket,
        due_at=due_at,
    )


def armed(clocks) -> Half:
    return Half(
        ticket_id=clocks.ticket_id,
        conversation_id=clocks.conversation_id,
        deadlines=clocks.deadlines,
    )


async def test_the_tables_are_as_the_migrations_make_them(database):
    def columns(connection) -> dict[str, set[tuple[str, bool]]]:
        inspector = inspect(connection)
        return {
            table: {(c["name"], c["nullable"]) for c in inspector.get_columns(table)}
            for table in METADATA.tables
        }

    def indexes(connection) -> set[str]:
        inspector = inspect(connection)
        return {str(i["name"]) for table in METADATA.tables for i in inspector.get_indexes(table)}

    async with database.read() as connection:
        made = await connection.run_sync(columns)
        made_indexes = await connection.run_sync(indexes)

    assert made == {
        name: {(column.name, bool(column.nullable)) for column in table.c}
        for name, table in METADATA.tables.items()
    }
    assert made_indexes == {
        str(index.name) for table in METADATA.tables.values() for index in table.indexes
    }


async def test_two_halves_written_at_the_same_time_meet(database, now, a_ticket, armed_clocks):
    ticket, clocks = a_ticket(), armed_clocks()

    async def put(half: Half):
        async with database.transaction() as transaction:
            [row] = await NotifyUnit(transaction).acknowledgements.join([half])
            await asyncio.sleep(0.05)  # both are in their transactions at once
            return row

    first, second = await asyncio.gather(put(opened(ticket, now)), put(armed(clocks)))

    complete = [row for row in (first, second) if row.opened and row.deadlines is not None]
    assert len(complete) == 1
    assert complete[0].opened == ticket
    assert complete[0].deadlines == clocks.deadlines


async def test_a_settled_acknowledgement_takes_nothing_more(database, now, a_ticket):
    half = opened(a_ticket(), now)
    async with database.transaction() as transaction:
        unit = NotifyUnit(transaction)
        [row] = await unit.acknowledgements.join([half])
        await unit.acknowledgements.settle([replace(row, outcome=Outcome.SENT)])
    async with database.transaction() as transaction:
        [row] = await NotifyUnit(transaction).acknowledgements.join([half])

    assert row.outcome is Outcome.SENT
    assert row.opened is None


async def test_what_is_due_is_given_to_one_process_only(database, now, a_ticket):
    halves = [opened(a_ticket(f"ticket {number}"), now) for number in range(4)]
    async with database.transaction() as transaction:
        await NotifyUnit(transaction).acknowledgements.join(halves)

    async with database.transaction() as one, database.transaction() as other:
        first = await NotifyUnit(one).acknowledgements.due(now, 3)
        second = await NotifyUnit(other).acknowledgements.due(now, 3)

    assert len(first) == 3
    assert len(second) == 1
    assert not {row.ticket_id for row in first} & {row.ticket_id for row in second}


async def test_what_is_not_due_yet_is_left_alone(database, now, a_ticket):
    async with database.transaction() as transaction:
        unit = NotifyUnit(transaction)
        await unit.acknowledgements.join([opened(a_ticket(), now + timedelta(seconds=30))])
        early = await unit.acknowledgements.due(now, 10)

    assert early == []


async def test_the_due_queries_use_their_partial_indexes(database, now):
    async with database.transaction() as transaction:
        await transaction.connection.exec_driver_sql("set local enable_seqscan = off")
        plans = []
        for query in (
            "acknowledgements where outcome = 'waiting'",
            "deliveries where state in ('queued', 'sending')",
        ):
            rows = await transaction.connection.exec_driver_sql(
                f"explain select * from {query} and due_at <= now() order by due_at limit 10"  # noqa: S608 - ours
            )
            plans.append("\n".join(rows.scalars()))

    assert "ix_acknowledgements_due_at" in plans[0]
    assert "ix_deliveries_due_at" in plans[1]


async def test_accounts_give_the_one_that_replies(database, an_account):
    mail = an_account()
    form = an_account(
        name="channelAccounts/form", channel="web_form", address="", reply_account=mail.name
    )
    async with database.transaction() as transaction:
        unit = NotifyUnit(transaction)
        await unit.accounts.save([form, mail])
        await unit.accounts.save([replace(mail, address="new@example.com")])
        known = await unit.accounts.known({form.name, mail.name, "", "channelAccounts/none"})
        only_form = await unit.accounts.known({form.name})

    assert {name: account.address for name, account in known.items()} == {
        form.name: "new@example.com",
        mail.name: "new@example.com",
        "": "new@example.com",
    }
    assert list(only_form) == [form.name]


async def test_a_thread_is_remembered(database):
    thread = Thread(conversation_id=new_id())
    thread.hear("<a@example.org>")
    async with database.transaction() as transaction:
        unit = NotifyUnit(transaction)
        await unit.threads.save([thread])
        found = await unit.threads.lock({thread.conversation_id, (other := new_id())})

    assert found == {thread.conversation_id: thread, other: Thread(conversation_id=other)}


async def test_a_delivery_is_added_once(database, queue):
    delivery = await queue()
    async with database.transaction() as transaction:
        unit = NotifyUnit(transaction)
        [(known, mail)] = await unit.deliveries.take(transaction.now, 10)
        again = await unit.deliveries.add([(known, mail), (known, mail)])
        count = await transaction.connection.scalar(select(func.count()).select_from(deliveries))

    assert known == delivery
    assert again == set()
    assert count == 1


async def test_two_senders_never_take_the_same(database, queue, now):
    for _ in range(5):
        await queue()
    async with database.transaction() as one, database.transaction() as other:
        first = await NotifyUnit(one).deliveries.take(now, 3)
        second = await NotifyUnit(other).deliveries.take(now, 3)

    assert len({delivery.id for delivery, _ in (*first, *second)}) == 5


async def test_pages_go_on_where_the_last_one_ended(database, queue, now):
    ids = [(await queue(created_at=now + timedelta(seconds=number // 2))).id for number in range(7)]
    views = PostgresDeliveryViews(database)
    seen, after = [], None
    while page := await views.page(after=after, limit=3, conversation_id="", state=None):
        assert all(mail.text == "" for _, mail in page)
        seen += [delivery.id for delivery, _ in page]
        last, _ = page[-1]
        after = Place(created_at=last.created_at, delivery_id=last.id)

    assert len(seen) == 7
    assert set(seen) == set(ids)


async def test_a_list_can_be_asked_for_one_conversation_and_one_state(database, queue):
    wanted, _ = await queue(), await queue()
    views = PostgresDeliveryViews(database)

    async def asked(state: State | None) -> list[str]:
        page = await views.page(
            after=None, limit=10, conversation_id=wanted.conversation_id, state=state
        )
        return [delivery.id for delivery, _ in page]

    assert await asked(None) == [wanted.id]
    assert await asked(State.QUEUED) == [wanted.id]
    assert await asked(State.FAILED) == []


async def test_one_delivery_is_shown_with_its_text(database, queue):
    delivery = await queue()
    views = PostgresDeliveryViews(database)
    known, mail = await views.one(delivery.id)

    assert known == delivery
    assert mail.text == "Перезагрузите кассу."
    with pytest.raises(DeliveryNotFound):
        await views.one(new_id())


async def test_automatic_mail_is_counted_by_address_and_since_when(database, queue, now):
    await queue(automatic=Automatic.REPLIED)
    await queue(automatic=Automatic.GENERATED)
    await queue(automatic=Automatic.REPLIED, recipient="else@example.org")
    await queue(automatic=Automatic.NO)
    await queue(automatic=Automatic.REPLIED, created_at=now - timedelta(hours=25))
    async with database.transaction() as transaction:
        counts = await NotifyUnit(transaction).deliveries.automatic_since(
            {"ivan@example.org", "nobody@example.org"}, now - timedelta(hours=24)
        )

    assert counts == {"ivan@example.org": 2}
