"""Lists stay fast however long the archive is: the plans PostgreSQL makes for them."""

from contextlib import contextmanager

import pytest
from sqlalchemy import event

from otklik_runtime.ids import new_id
from otklik_tickets.adapters.statements import fetch
from otklik_tickets.adapters.views import PostgresDirectoryViews, PostgresTicketViews
from otklik_tickets.domain.lifecycle import StateMeaning
from otklik_tickets.domain.shown import Audience, TicketFilter

EVERYTHING = Audience(everything=True)

# 5,000 tickets of 200 customers; every fortieth is open, every fiftieth is somebody's.
_ARCHIVE = """
    with c as (
      insert into customers (id, display_name, segment, locale, time_zone, created_at, version)
      select gen_random_uuid(), 'c' || n, '', '', '', now(), 1 from generate_series(1, 200) n
      returning id),
    numbered as (select id, row_number() over () as n from c)
    insert into tickets (id, number, conversation_id, customer_id, partner_id, service,
      request_type, priority, impact, urgency, state, state_meaning, subject, assignee_id, channel,
      locale, reply_account, reply_address, internet_message_id, last_customer_message_id,
      automatic, episode, opened_at, changed_at, version)
    select gen_random_uuid(), 'OT-' || n, gen_random_uuid(),
           (select id from numbered where numbered.n = 1 + s.n % 200),
           case when s.n % 125 = 0 then $2::uuid end, 'services/mail', 'requestTypes/request', 3, 2,
           2, 'x', case when s.n % 40 = 0 then 1 else 5 end, 'subject',
           case when s.n % 50 = 0 then $1::uuid end, 1, 'ru', '', '', '', gen_random_uuid(), false,
           0, now(), now() - s.n * interval '1 minute', 1
      from generate_series(1, 5000) as s (n)
"""


@pytest.fixture
def somebody() -> str:
    return new_id()


@pytest.fixture
def a_partner() -> str:
    return new_id()


@pytest.fixture
async def archive(database, somebody, a_partner):
    async with database.transaction() as transaction:
        await transaction.connection.exec_driver_sql(_ARCHIVE, (somebody, a_partner))
    async with database.transaction() as transaction:
        await transaction.connection.exec_driver_sql("analyze tickets")
        await transaction.connection.exec_driver_sql("analyze customers")
    return database


@contextmanager
def first_statement(database):
    seen: list[tuple[str, object]] = []
    engine = database._engine.sync_engine

    def note(_connection, _cursor, statement, parameters, *_):
        seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


async def plan(database, seen) -> str:
    statement, values = seen[0]
    async with database.read() as connection:
        rows = await fetch(connection, f"explain {statement}", *values)
    return "\n".join(row[0] for row in rows)


async def listed(database, wanted, audience=EVERYTHING, after=None):
    views = PostgresTicketViews(database)
    with first_statement(database) as seen:
        page = await views.tickets(wanted, audience, after=after, size=50)
    return page, await plan(database, seen)


async def test_a_list_of_what_is_open_reads_only_what_is_open(archive):
    meanings = (StateMeaning.OPEN, StateMeaning.WAITING_FOR_CUSTOMER)

    page, explained = await listed(archive, TicketFilter(meanings=meanings))
    last = page.rows[-1].ticket
    rest, again = await listed(
        archive, TicketFilter(meanings=meanings), after=(last.changed_at, last.id)
    )

    assert "ix_tickets_open" in explained
    assert "ix_tickets_open" in again
    assert "Seq Scan on tickets" not in explained + again
    assert {each.ticket.id for each in page.rows}.isdisjoint(each.ticket.id for each in rest.rows)
    assert rest.rows[0].ticket.changed_at <= last.changed_at


async def test_a_list_of_everything_goes_along_the_newest_change(archive):
    page, explained = await listed(archive, TicketFilter())

    assert "ix_tickets_changed_at" in explained
    assert page.more


async def test_an_agents_own_list_goes_along_his_own_index(archive, somebody):
    page, explained = await listed(archive, TicketFilter(assignee_id=somebody))

    assert "ix_tickets_assignee_id" in explained
    assert {each.ticket.assignee_id for each in page.rows} == {somebody}


async def test_a_partners_own_list_goes_along_its_own_index(archive, a_partner):
    page, explained = await listed(archive, TicketFilter(), Audience(partner_id=a_partner))

    assert "ix_tickets_partner_id" in explained
    assert len(page.rows) == 40
    assert not page.more


async def test_one_ticket_is_found_by_its_number(archive):
    page, explained = await listed(archive, TicketFilter(number="OT-123"))

    assert "uq_tickets_number" in explained
    assert len(page.rows) == 1


async def test_nobody_in_particular_sees_nothing(archive):
    page, _ = await listed(archive, TicketFilter(), Audience())

    assert page.rows == []


async def test_customers_are_found_by_address_along_the_key(archive):
    async with archive.transaction() as transaction:
        await transaction.connection.exec_driver_sql(
            "insert into customer_identities select 1, 'c' || row_number() over () || '@x.ru', id, "
            "true from customers"
        )
    async with archive.transaction() as transaction:
        await transaction.connection.exec_driver_sql("analyze customer_identities")
    views = PostgresDirectoryViews(archive)

    page = await views.customers(address="C7@X.ru", after_id="", size=10)

    assert [identity.address.value for identity in page.rows[0].identities] == ["c7@x.ru"]
    assert len(page.rows) == 1
