"""What received messages become: the rules of the message path, with everything in memory."""

from dataclasses import replace
from datetime import timedelta

import pytest

from otklik_runtime import ids
from otklik_tickets.domain import events
from otklik_tickets.domain.catalogue import Catalogue
from otklik_tickets.domain.channels import Address, Channel
from otklik_tickets.domain.commands import ResolveTicket, TakeTicket, TransitionTicket, Worker
from otklik_tickets.domain.customer import Customer, Identity
from otklik_tickets.domain.errors import DeskNotConfigured
from otklik_tickets.domain.lifecycle import StateMeaning
from otklik_tickets.domain.priority import Level, Priority
from otklik_tickets.domain.staff import Partner
from otklik_tickets.handlers import (
    open_or_append,
    resolve_ticket,
    take_ticket,
    transition_ticket,
)


async def resolved(unit, agent):
    """Take and resolve the only ticket."""
    by = Worker(agent_id=agent.id, roles=frozenset({"agent"}))
    ticket_id = unit.only_ticket().id
    await take_ticket(unit, TakeTicket(ticket_id=ticket_id, by=by))
    await resolve_ticket(
        unit, ResolveTicket(ticket_id=ticket_id, by=by, resolution_text="Перезапустили")
    )
    unit.heard()
    return ticket_id


async def closed(unit, agent):
    ticket_id = await resolved(unit, agent)
    by = Worker(agent_id=agent.id, roles=frozenset({"agent"}))
    await transition_ticket(unit, TransitionTicket(ticket_id=ticket_id, by=by, act="close"))
    unit.heard()
    return ticket_id


async def test_a_first_message_opens_a_ticket_for_a_new_customer(unit, a_mail):
    mail = a_mail(received_at=unit.now - timedelta(minutes=5))

    await open_or_append(unit, [mail])

    ticket = unit.only_ticket()
    [changed, opened] = unit.heard()
    assert (ticket.number, ticket.conversation_id) == ("OT-000001", mail.conversation_id)
    assert isinstance(changed, events.CustomerChanged)
    assert isinstance(opened, events.TicketOpened)
    assert opened.number == "OT-000001"
    assert opened.item_id == mail.item_id
    assert opened.proposed_conversation_id == ""
    assert opened.occurred_at == mail.received_at
    assert opened.customer_id == changed.customer.id
    assert opened.cause == mail.cause


async def test_the_first_message_is_the_first_public_message_under_the_items_id(unit, a_mail):
    mail = a_mail()

    await open_or_append(unit, [mail])

    [message] = unit.tickets.messages.values()
    assert message.id == mail.item_id
    assert message.text == mail.text
    assert message.author_display_name == "Иван"
    assert unit.only_ticket().last_customer_message_id == mail.item_id


async def test_two_first_mails_of_one_sender_in_a_batch_make_one_customer(unit, a_mail):
    await open_or_append(unit, [a_mail(), a_mail(sender_address="Ivan@Example.ru")])

    assert len(unit.customers.rows) == 1
    assert len(unit.tickets.rows) == 2
    assert len(unit.heard(events.CustomerChanged)) == 1


async def test_a_sender_whom_another_replica_met_first_is_that_customer(unit, a_mail):
    address = Address(channel=Channel.EMAIL, value="ivan@example.ru")
    faster = Customer(
        id=ids.new_id(),
        display_name="Ivan",
        identities=(Identity(address=address, verified=True),),
        created_at=unit.now,
    )
    unit.customers.faster.append(faster)

    await open_or_append(unit, [a_mail()])

    assert unit.only_ticket().customer_id == faster.id
    assert unit.heard(events.CustomerChanged) == []


async def test_a_reply_of_the_customer_is_appended(unit, a_mail):
    mail = a_mail()
    reply = a_mail(conversation_id=mail.conversation_id)

    await open_or_append(unit, [mail])
    unit.heard()
    await open_or_append(unit, [reply])

    [appended] = unit.heard()
    assert isinstance(appended, events.MessageAppended)
    assert appended.item_id == reply.item_id
    assert appended.conversation_id == mail.conversation_id
    assert unit.only_ticket().last_customer_message_id == reply.item_id
    assert unit.only_ticket().internet_message_id == reply.internet_message_id


async def test_a_reply_in_the_same_batch_as_the_first_message_is_appended(unit, a_mail):
    mail = a_mail()
    reply = a_mail(conversation_id=mail.conversation_id)

    await open_or_append(unit, [mail, reply])

    kinds = [type(event) for event in unit.heard()]
    assert kinds == [events.CustomerChanged, events.TicketOpened, events.MessageAppended]
    assert unit.only_ticket().last_customer_message_id == reply.item_id


async def test_a_stranger_with_the_thread_token_gets_a_conversation_of_his_own(unit, a_mail):
    mail = a_mail()
    forwarded = a_mail(conversation_id=mail.conversation_id, sender_address="eve@example.com")
    await open_or_append(unit, [mail])
    unit.heard()

    await open_or_append(unit, [forwarded])

    [opened] = unit.heard(events.TicketOpened)
    assert opened.conversation_id not in ("", mail.conversation_id)
    assert opened.proposed_conversation_id == mail.conversation_id
    assert opened.item_id == forwarded.item_id
    first = await unit.tickets.of_conversation(mail.conversation_id)
    assert first.last_customer_message_id == mail.item_id


async def test_a_strangers_second_reply_joins_his_own_ticket(unit, a_mail):
    mail = a_mail()
    stranger = {"conversation_id": mail.conversation_id, "sender_address": "eve@example.com"}
    await open_or_append(unit, [mail, a_mail(**stranger)])
    unit.heard()

    await open_or_append(unit, [a_mail(**stranger)])

    [appended] = unit.heard()
    assert isinstance(appended, events.MessageAppended)
    assert appended.conversation_id != mail.conversation_id
    assert len(unit.tickets.rows) == 2


async def test_a_form_with_the_customers_address_typed_in_joins_nothing(unit, a_mail):
    mail = a_mail()
    form = a_mail(conversation_id=mail.conversation_id, channel=Channel.WEB_FORM)
    await open_or_append(unit, [mail])

    await open_or_append(unit, [form])

    assert len(unit.tickets.rows) == 2
    assert len(unit.customers.rows) == 1


async def test_a_mail_from_an_address_given_in_a_form_proves_it(unit, a_mail):
    form = a_mail(channel=Channel.WEB_FORM)
    await open_or_append(unit, [form])
    [customer] = unit.customers.rows.values()
    assert customer.identities[0].verified is False
    unit.heard()

    await open_or_append(unit, [a_mail(conversation_id=form.conversation_id)])

    [customer] = unit.customers.rows.values()
    assert customer.identities[0].verified is True
    assert [type(event) for event in unit.heard()] == [
        events.CustomerChanged,
        events.MessageAppended,
    ]


async def test_the_partner_that_opened_a_conversation_may_go_on_and_another_may_not(unit, a_mail):
    ours, theirs = ids.new_id(), ids.new_id()
    first = a_mail(channel=Channel.PARTNER_API, partner_id=ours)
    await open_or_append(unit, [first])

    follow = {"channel": Channel.PARTNER_API, "conversation_id": first.conversation_id}
    await open_or_append(
        unit, [a_mail(partner_id=ours, **follow), a_mail(partner_id=theirs, **follow)]
    )

    assert len(unit.tickets.rows) == 2
    own = await unit.tickets.of_conversation(first.conversation_id)
    messages = [each for each in unit.tickets.messages.values() if each.ticket_id == own.id]
    assert len(messages) == 2


async def test_a_customer_may_answer_by_mail_what_a_partner_opened(unit, a_mail):
    first = a_mail(channel=Channel.PARTNER_API, partner_id=ids.new_id())
    await open_or_append(unit, [first])

    await open_or_append(unit, [a_mail(conversation_id=first.conversation_id)])

    assert len(unit.tickets.rows) == 1


async def test_a_partner_that_names_nobody_is_its_own_customer(unit, a_mail):
    partner = Partner(id=ids.new_id(), display_name="Acme", public_key_pem="", created_at=unit.now)
    unit.directory.partners[partner.id] = partner
    nameless = {"sender_address": "", "sender_name": "", "partner_id": partner.id}

    await open_or_append(unit, [a_mail(channel=Channel.PARTNER_API, **nameless) for _ in range(2)])

    [customer] = unit.customers.rows.values()
    assert customer.display_name == "Acme"
    assert len(unit.tickets.rows) == 2


async def test_a_reply_to_a_resolved_ticket_reopens_it(unit, a_mail, an_agent):
    mail = a_mail()
    await open_or_append(unit, [mail])
    await resolved(unit, an_agent)
    reply = a_mail(conversation_id=mail.conversation_id)

    await open_or_append(unit, [reply])

    [appended, reopened] = unit.heard()
    assert isinstance(appended, events.MessageAppended)
    assert isinstance(reopened, events.TicketReopened)
    assert (reopened.message_id, reopened.state) == (reply.item_id, "in_progress")
    assert reopened.occurred_at == reply.received_at
    assert unit.only_ticket().resolved_at is None


async def test_a_machine_written_message_never_reopens(unit, a_mail, an_agent):
    mail = a_mail()
    await open_or_append(unit, [mail])
    await resolved(unit, an_agent)

    await open_or_append(unit, [a_mail(conversation_id=mail.conversation_id, automatic=True)])

    [appended] = unit.heard()
    assert appended.automatic
    assert unit.only_ticket().state == "resolved"
    assert unit.only_ticket().last_customer_message_id == mail.item_id


async def test_a_reply_to_a_closed_ticket_opens_a_linked_one(unit, a_mail, an_agent):
    mail = a_mail()
    await open_or_append(unit, [mail])
    await closed(unit, an_agent)

    replies = [a_mail(conversation_id=mail.conversation_id) for _ in range(2)]
    await open_or_append(unit, replies[:1])
    await open_or_append(unit, replies[1:])

    [opened] = unit.heard(events.TicketOpened)
    assert opened.proposed_conversation_id == mail.conversation_id
    assert len(unit.tickets.rows) == 2
    new = await unit.tickets.of_conversation(opened.conversation_id)
    assert new.last_customer_message_id == replies[1].item_id


async def test_an_out_of_office_reply_to_a_closed_ticket_opens_nothing(unit, a_mail, an_agent):
    mail = a_mail()
    await open_or_append(unit, [mail])
    await closed(unit, an_agent)

    await open_or_append(unit, [a_mail(conversation_id=mail.conversation_id, automatic=True)])

    assert [type(event) for event in unit.heard()] == [events.MessageAppended]
    assert unit.only_ticket().state_meaning is StateMeaning.CLOSED


async def test_a_message_from_the_customer_ends_the_waiting_for_it(unit, a_mail, an_agent):
    mail = a_mail()
    await open_or_append(unit, [mail])
    by = Worker(agent_id=an_agent.id, roles=frozenset({"agent"}))
    ticket_id = unit.only_ticket().id
    await take_ticket(unit, TakeTicket(ticket_id=ticket_id, by=by))
    await transition_ticket(
        unit,
        TransitionTicket(ticket_id=ticket_id, by=by, act="wait_for_customer", reason="Версия?"),
    )
    unit.heard()

    await open_or_append(unit, [a_mail(conversation_id=mail.conversation_id)])

    [_, moved] = unit.heard()
    assert isinstance(moved, events.TicketStateChanged)
    assert (moved.act, moved.from_state, moved.to_state) == (
        "customer_wrote",
        "waiting",
        "in_progress",
    )


async def test_an_item_that_became_a_message_before_changes_nothing(unit, a_mail):
    mail = a_mail()
    await open_or_append(unit, [mail])
    unit.heard()

    await open_or_append(unit, [mail])

    assert unit.heard() == []
    assert len(unit.tickets.rows) == 1


async def test_what_a_sender_says_about_the_service_wins_over_keywords(unit, a_mail):
    said = a_mail(channel=Channel.WEB_FORM, service="services/mail", text="vpn")

    await open_or_append(unit, [said])

    assert unit.only_ticket().service == "services/mail"


async def test_a_keyword_wins_over_what_the_account_is_for(unit, a_mail):
    await open_or_append(unit, [a_mail(service="services/mail", subject="VPN не работает")])

    ticket = unit.only_ticket()
    assert ticket.service == "services/network"
    assert (ticket.impact, ticket.urgency) == (Level.MEDIUM, Level.HIGH)
    assert ticket.priority is Priority.P2


async def test_without_keywords_the_account_says_what_a_message_is_about(unit, a_mail):
    await open_or_append(unit, [a_mail(service="services/mail")])

    assert unit.only_ticket().service == "services/mail"


async def test_a_message_that_nothing_tells_is_about_the_service_without_keywords(unit, a_mail):
    await open_or_append(unit, [a_mail()])

    assert unit.only_ticket().service == "services/other"


async def test_a_customer_of_a_key_segment_has_the_impact_of_that_segment(unit, a_mail):
    await open_or_append(unit, [a_mail()])
    [customer] = unit.customers.rows.values()
    unit.customers.rows[customer.id] = replace(customer, segment="segments/key")

    await open_or_append(unit, [a_mail()])

    newest = max(unit.tickets.rows.values(), key=lambda ticket: ticket.number)
    assert newest.impact is Level.HIGH
    [*_, opened] = unit.heard(events.TicketOpened)
    assert opened.segment == "segments/key"


async def test_a_partner_that_names_an_unknown_service_is_told_no(unit, a_mail):
    wrong = a_mail(channel=Channel.PARTNER_API, partner_id=ids.new_id(), service="services/nothing")

    await open_or_append(unit, [wrong, a_mail()])

    [rejected] = unit.heard(events.MessageRejected)
    assert (rejected.item_id, rejected.reason) == (wrong.item_id, "service_not_found")
    assert len(unit.tickets.rows) == 1


async def test_a_mail_to_an_account_whose_service_is_gone_still_opens_a_ticket(unit, a_mail):
    await open_or_append(unit, [a_mail(service="services/gone")])

    assert unit.only_ticket().service == "services/other"


@pytest.mark.parametrize("lacking", ["services", "request_types", "segments", "priorities"])
async def test_a_desk_that_is_not_set_up_lets_messages_wait(unit, a_mail, lacking):
    empty = None if lacking == "priorities" else {}
    facts = {name: getattr(unit.desk.kept, name) for name in ("services", "request_types")}
    facts |= {name: getattr(unit.desk.kept, name) for name in ("segments", "priorities")}
    unit.desk.kept = Catalogue(**(facts | {lacking: empty}))

    with pytest.raises(DeskNotConfigured):
        await open_or_append(unit, [a_mail()])

    assert unit.heard(events.TicketOpened, events.MessageRejected) == []


async def test_answers_go_in_the_customers_language_where_it_is_known(unit, a_mail):
    await open_or_append(unit, [a_mail()])
    [customer] = unit.customers.rows.values()
    unit.customers.rows[customer.id] = replace(customer, locale="en")

    await open_or_append(unit, [a_mail(locale="ru")])

    newest = max(unit.tickets.rows.values(), key=lambda ticket: ticket.number)
    assert newest.locale == "en"
