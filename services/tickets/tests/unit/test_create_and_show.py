"""Tickets opened by agents and partners; deadlines and deliveries shown."""

from dataclasses import replace

import pytest

from otklik_runtime import ids
from otklik_tickets.domain import actors, events
from otklik_tickets.domain.channels import Address, Channel
from otklik_tickets.domain.commands import CreateTicket, ShowClock, ShowDelivery
from otklik_tickets.domain.customer import Customer, Identity
from otklik_tickets.domain.errors import CustomerNotFound, ServiceNotFound
from otklik_tickets.domain.priority import Level, Priority
from otklik_tickets.handlers import create_ticket, show_clocks, show_deliveries


@pytest.fixture
def customer(unit):
    address = Address(channel=Channel.EMAIL, value="olga@example.ru")
    made = Customer(
        id=ids.new_id(),
        display_name="Ольга",
        identities=(Identity(address=address, verified=True),),
        created_at=unit.now,
    )
    unit.customers.rows[made.id] = made
    return made


def asked(customer, **told):
    facts = {
        "customer_id": customer.id,
        "service": "services/network",
        "subject": "VPN",
        "text": "Не подключается",
        "urgency": None,
        "locale": "",
        "opener": actors.agent(ids.new_id()),
        "roles": frozenset({"agent"}),
    }
    return CreateTicket(**(facts | told))


async def test_a_ticket_opened_by_an_agent_begins_a_conversation_of_its_own(unit, customer):
    shown = await create_ticket(unit, asked(customer))

    [opened] = unit.heard()
    assert isinstance(opened, events.TicketOpened)
    assert (opened.item_id, opened.proposed_conversation_id) == ("", "")
    assert opened.conversation_id == shown.ticket.conversation_id
    assert opened.reply_route.address == "olga@example.ru"
    assert (shown.ticket.priority, shown.ticket.number) == (Priority.P2, "OT-000001")
    assert [move.act for move in shown.allowed] == ["take", "answer"]


async def test_an_agent_may_say_how_urgent_it_is(unit, customer):
    shown = await create_ticket(unit, asked(customer, urgency=Level.LOW))

    assert shown.ticket.urgency is Level.LOW


async def test_a_customer_without_a_proven_address_has_nowhere_to_be_answered(unit, customer):
    unproven = tuple(replace(each, verified=False) for each in customer.identities)
    unit.customers.rows[customer.id] = replace(customer, identities=unproven)

    shown = await create_ticket(unit, asked(customer))

    assert shown.ticket.reply_route is None


async def test_a_partners_ticket_is_its_own(unit, customer):
    partner_id = ids.new_id()

    shown = await create_ticket(unit, asked(customer, opener=actors.partner(partner_id)))

    assert shown.ticket.partner_id == partner_id
    assert shown.ticket.channel is Channel.PARTNER_API


async def test_an_unknown_service_or_customer_is_not_found(unit, customer):
    with pytest.raises(ServiceNotFound):
        await create_ticket(unit, asked(customer, service="services/none"))
    with pytest.raises(CustomerNotFound):
        await create_ticket(unit, asked(replace(customer, id=ids.new_id())))


async def test_of_several_words_about_one_clock_the_last_counts(unit):
    ticket_id = ids.new_id()
    running = ShowClock(ticket_id=ticket_id, kind="resolution", instance=1, due_at=unit.now)
    met = replace(running, due_at=None)

    await show_clocks(unit, [[running], [met]])

    assert unit.tickets.clocks == [met]


async def test_of_several_words_about_one_delivery_the_last_counts(unit):
    message_id = ids.new_id()

    await show_deliveries(
        unit,
        [
            ShowDelivery(message_id=message_id, delivery_state="in_doubt"),
            ShowDelivery(message_id=message_id, delivery_state="failed"),
        ],
    )

    assert [each.delivery_state for each in unit.tickets.deliveries] == ["failed"]
