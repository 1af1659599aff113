"""The message path against real PostgreSQL: lean, locked, and the same whoever is faster."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack, contextmanager

import pytest
from sqlalchemy import event

from otklik_runtime.database import Database
from otklik_runtime.errors import Conflict
from otklik_tickets.adapters.repository import CatalogueCopy
from otklik_tickets.adapters.statements import fetch
from otklik_tickets.adapters.unit_of_work import PostgresUnitOfWork
from otklik_tickets.domain.channels import Channel
from otklik_tickets.domain.errors import AlreadyExists
from otklik_tickets.handlers import open_or_append

# Catalogue version, known messages, tickets, customers, claims, customers' rows, numbers, tickets,
# messages; then the runtime's heads and events. The number of messages is not among them.
MOST_STATEMENTS = 12


async def hear(database, copy, messages):
    async with database.transaction() as transaction:
        await open_or_append(PostgresUnitOfWork(transaction, copy), messages)


async def rows(database, statement, *values):
    async with database.read() as connection:
        return [tuple(row) for row in await fetch(connection, statement, *values)]


@contextmanager
def counted(database: Database):
    statements: list[str] = []
    engine = database._engine.sync_engine

    def note(_connection, _cursor, statement, *_):
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


async def test_a_batch_of_first_messages_costs_as_many_statements_as_one(
    desk, catalogue_copy, a_mail
):
    await hear(desk, catalogue_copy, [a_mail(sender_address="first@example.ru")])
    mails = [a_mail(sender_address=f"{number}@example.ru") for number in range(100)]

    with counted(desk) as statements:
        await hear(desk, catalogue_copy, mails)

    assert len(statements) <= MOST_STATEMENTS + 1
    [(tickets,)] = await rows(desk, "select count(*) from tickets")
    assert tickets == 101


async def test_a_batch_of_replies_costs_as_many_statements_as_one(desk, catalogue_copy, a_mail):
    mails = [a_mail(sender_address=f"{number}@example.ru") for number in range(50)]
    await hear(desk, catalogue_copy, mails)
    replies = [
        a_mail(sender_address=mail.sender_address, conversation_id=mail.conversation_id)
        for mail in mails
    ]

    with counted(desk) as statements:
        await hear(desk, catalogue_copy, replies)

    assert len(statements) <= MOST_STATEMENTS
    found = await rows(desk, "select version, last_customer_message_id::text from tickets")
    assert {version for version, _ in found} == {2}
    assert {message for _, message in found} == {reply.item_id for reply in replies}


async def test_everything_of_a_message_is_kept(desk, catalogue_copy, a_mail):
    mail = a_mail(subject="VPN не работает")

    await hear(desk, catalogue_copy, [mail])

    [ticket] = await rows(
        desk,
        "select number, conversation_id::text, service, subject, reply_channel, reply_address, "
        "internet_message_id, state, opened_at from tickets",
    )
    assert ticket == (
        "OT-000001",
        mail.conversation_id,
        "services/network",
        mail.subject,
        Channel.EMAIL,
        "ivan@example.ru",
        mail.internet_message_id,
        "new",
        mail.received_at,
    )
    [message] = await rows(
        desk, "select id::text, text, author_display_name, created_at from public_messages"
    )
    assert message == (mail.item_id, mail.text, "Иван", mail.received_at)


async def test_events_occurred_when_the_message_was_received(desk, catalogue_copy, a_mail):
    mail = a_mail()

    await hear(desk, catalogue_copy, [mail])

    said = await rows(
        desk, "select type, aggregate_id::text, version, occurred_at, actor from events"
    )
    opened = next(row for row in said if row[0] == "otklik.tickets.v1.TicketOpened")
    assert opened[1:4] == (mail.conversation_id, 1, mail.received_at)
    assert opened[4].startswith("customer/")
    assert {row[3] for row in said} == {mail.received_at}


async def test_two_replicas_that_meet_one_new_sender_at_once_make_one_customer(
    desk, database_url, a_mail
):
    senders = [f"{number}@example.ru" for number in range(20)]
    async with AsyncExitStack() as stack:
        other = await Database.open(database_url, stack, service="tickets")
        replicas = [(desk, CatalogueCopy()), (other, CatalogueCopy())] * 3

        async def batch(replica, order):
            await hear(*replica, [a_mail(sender_address=sender) for sender in order])

        await asyncio.gather(
            *(
                batch(replica, senders if place % 2 else list(reversed(senders)))
                for place, replica in enumerate(replicas)
            )
        )

    [(customers,)] = await rows(desk, "select count(*) from customers")
    [(tickets, owners)] = await rows(
        desk, "select count(*), count(distinct customer_id) from tickets"
    )
    [(changed,)] = await rows(
        desk, "select count(*) from events where type = 'otklik.tickets.v1.CustomerChanged'"
    )
    assert (customers, owners, changed) == (20, 20, 20)
    assert tickets == 20 * len(replicas)


async def test_ticket_numbers_are_never_given_twice(desk, catalogue_copy, a_mail):
    await asyncio.gather(
        *(
            hear(desk, catalogue_copy, [a_mail(sender_address=f"{n}.{m}@x.ru") for m in range(5)])
            for n in range(5)
        )
    )

    numbers = Counter(row[0] for row in await rows(desk, "select number from tickets"))
    assert set(numbers.values()) == {1}
    assert sorted(numbers)[:2] == ["OT-000001", "OT-000002"]


async def test_a_conversation_opened_twice_at_once_is_tried_again(desk, catalogue_copy, a_mail):
    mail = a_mail()
    twin = a_mail(conversation_id=mail.conversation_id)
    async with desk.transaction() as first:
        await open_or_append(PostgresUnitOfWork(first, catalogue_copy), [mail])
        racing = asyncio.create_task(hear(desk, catalogue_copy, [twin]))
        await asyncio.sleep(0.2)
        assert not racing.done()

    with pytest.raises(Conflict):
        await racing
    await hear(desk, catalogue_copy, [twin])

    [(tickets,)] = await rows(desk, "select count(*) from tickets")
    assert tickets == 1


async def test_an_item_heard_again_changes_nothing(desk, catalogue_copy, a_mail):
    mail = a_mail()
    await hear(desk, catalogue_copy, [mail])
    before = await rows(desk, "select count(*) from events")

    await hear(desk, catalogue_copy, [mail])

    assert await rows(desk, "select count(*) from events") == before


async def test_a_mail_proves_an_address_that_was_typed_into_a_form(desk, catalogue_copy, a_mail):
    form = a_mail(channel=Channel.WEB_FORM)
    await hear(desk, catalogue_copy, [form])

    await hear(desk, catalogue_copy, [a_mail(conversation_id=form.conversation_id)])

    found = await rows(
        desk,
        "select i.verified, c.version from customer_identities i "
        "join customers c on c.id = i.customer_id",
    )
    assert found == [(True, 2)]
    [(tickets,)] = await rows(desk, "select count(*) from tickets")
    assert tickets == 1


async def test_a_message_without_any_address_still_opens_a_ticket(desk, catalogue_copy, a_mail):
    nameless = [
        a_mail(channel=Channel.CHAT, sender_address="", sender_name="", reply_route=route)
        for route in (None, None)
    ]

    await hear(desk, catalogue_copy, nameless)

    [(customers,)] = await rows(desk, "select count(*) from customers")
    assert customers == 2


async def test_a_change_of_the_catalogue_is_seen_by_the_next_batch(
    desk, catalogue_copy, a_mail, a_service
):
    await hear(desk, catalogue_copy, [a_mail(subject="Принтер")])
    other_replica = CatalogueCopy()
    async with desk.transaction() as transaction:
        unit = PostgresUnitOfWork(transaction, other_replica)
        await unit.desk.add_service(a_service("print", "принтер"))

    await hear(desk, catalogue_copy, [a_mail(subject="Принтер")])

    services = await rows(desk, "select service from tickets order by number")
    assert services == [("services/other",), ("services/print",)]


async def test_a_rolled_back_change_of_the_catalogue_never_gets_into_the_copy(
    desk, catalogue_copy, a_service
):
    async with desk.transaction() as transaction:
        unit = PostgresUnitOfWork(transaction, catalogue_copy)
        before = await unit.desk.catalogue()

    async def change_and_fail():
        async with desk.transaction() as transaction:
            unit = PostgresUnitOfWork(transaction, catalogue_copy)
            await unit.desk.add_service(a_service("ghost"))
            assert "services/ghost" in (await unit.desk.catalogue()).services
            await unit.desk.add_service(a_service("mail"))

    with pytest.raises(AlreadyExists):
        await change_and_fail()

    async with desk.transaction() as transaction:
        after = await PostgresUnitOfWork(transaction, catalogue_copy).desk.catalogue()
    assert after.services.keys() == before.services.keys()


async def test_what_is_read_back_is_what_was_kept(desk, catalogue_copy, catalogue_of):
    async with desk.transaction() as transaction:
        read = await PostgresUnitOfWork(transaction, catalogue_copy).desk.catalogue()

    kept = catalogue_of()
    assert read.services == kept.services
    assert read.segments == kept.segments
    assert read.request_types == kept.request_types
    assert read.priorities == kept.priorities
