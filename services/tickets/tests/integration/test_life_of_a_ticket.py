"""Tickets as a whole, built by its own bootstrap: from a mail to its resolution and back."""

import asyncio

from google.protobuf.timestamp_pb2 import Timestamp

from otklik.notify.v1 import events_pb2 as notify
from otklik.sla.v1 import clock_pb2
from otklik.sla.v1 import events_pb2 as sla
from otklik.tickets.v1 import events_pb2, ticket_pb2
from otklik.tickets.v1 import ticket_service_pb2 as pb
from otklik.type.v1 import channel_pb2
from otklik_runtime.ids import new_id

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def test_a_mail_becomes_a_ticket_in_the_trace_it_came_in(running, world, front, opened):
    event = await opened(subject="VPN не работает")

    ticket = await running.ticket(event.ticket_id, front.agent)
    assert event.number == ticket.number == "OT-000001"
    assert ticket.service == "services/network"
    assert ticket.priority == ticket_pb2.PRIORITY_P2
    assert ticket.customer_display_name == "Иван"
    assert ticket.state_meaning == ticket_pb2.STATE_MEANING_OPEN
    assert [move.act for move in ticket.allowed_transitions] == ["take", "answer"]
    assert world.headers[0]["traceparent"].split("-")[1] == TRACE
    assert world.headers[0]["ce-subject"] == event.conversation_id


async def test_a_refused_append_stays_in_the_trace_of_the_message(world, opened, a_mail):
    first = await opened()
    second = await opened(conversation_id=first.conversation_id, sender_address="eve@example.com")

    assert second.proposed_conversation_id == first.conversation_id
    assert second.conversation_id != first.conversation_id
    assert world.headers[1]["traceparent"].split("-")[1] == TRACE


async def test_a_ticket_is_answered_resolved_and_reopened(running, world, front, opened, a_mail):
    event = await opened()
    name = f"tickets/{event.ticket_id}"
    taken = await running.tickets.TakeTicket(
        pb.TakeTicketRequest(name=name, request_id=new_id()), metadata=front.agent
    )
    message = await running.tickets.SendPublicMessage(
        pb.SendPublicMessageRequest(
            parent=name,
            request_id=new_id(),
            text="Смотрим",
            last_customer_message=taken.last_customer_message,
        ),
        metadata=front.agent,
    )
    now = await running.ticket(event.ticket_id, front.agent)
    resolved = await running.tickets.ResolveTicket(
        pb.ResolveTicketRequest(
            name=name, resolution_text="Готово", etag=now.etag, request_id=new_id()
        ),
        metadata=front.agent,
    )
    mail = a_mail(conversation_id=event.conversation_id)
    await world.receive(mail)
    [reopened] = await world.heard(events_pb2.TicketReopened)

    [sent] = await world.heard(events_pb2.MessageSent)
    [said] = await world.heard(events_pb2.TicketResolved)
    assert taken.assignee == front.agent_name
    assert message.delivery_state == "queued"
    assert (sent.text, sent.author_display_name) == ("Смотрим", "Anna")
    assert sent.reply_route.address == "ivan@example.ru"
    assert (said.resolution_text, said.episode) == ("Готово", 1)
    assert resolved.state == "resolved"
    assert resolved.HasField("resolve_time")
    assert reopened.message_id == mail.item_id
    texts = await running.tickets.ListPublicMessages(
        pb.ListPublicMessagesRequest(parent=name), metadata=front.agent
    )
    assert {each.text for each in texts.public_messages} == {
        "Ничего не работает",
        "Смотрим",
        "Готово",
    }
    assert (await running.ticket(event.ticket_id, front.agent)).state == "in_progress"


async def test_the_history_names_who_did_what(running, front, opened):
    event = await opened()
    name = f"tickets/{event.ticket_id}"
    await running.tickets.TakeTicket(pb.TakeTicketRequest(name=name), metadata=front.agent)

    pages = []
    token = ""
    while True:
        page = await running.tickets.ListTicketEvents(
            pb.ListTicketEventsRequest(parent=name, page_size=1, page_token=token),
            metadata=front.lead,
        )
        pages += page.ticket_events
        token = page.next_page_token
        if not token:
            break

    assert [(each.version, each.type.rpartition(".")[2]) for each in pages] == [
        (1, "TicketOpened"),
        (2, "TicketAssigned"),
        (3, "TicketStateChanged"),
    ]
    assert pages[1].changes["assignee"] == f"-> {front.agent_name}"
    assert pages[2].changes["state"] == "new -> in_progress"
    assert f"agents/{pages[2].actor.id}" == front.agent_name


async def test_deadlines_and_deliveries_are_shown(running, world, front, opened):
    event = await opened()
    name = f"tickets/{event.ticket_id}"
    message = await running.tickets.SendPublicMessage(
        pb.SendPublicMessageRequest(parent=name, request_id=new_id(), text="Смотрим"),
        metadata=front.agent,
    )
    due = Timestamp(seconds=1_800_000_000)
    armed = sla.ClocksArmed(
        ticket_id=event.ticket_id,
        conversation_id=event.conversation_id,
        outcome=sla.ARMING_OUTCOME_ARMED,
    )
    armed.deadlines.add(kind=clock_pb2.CLOCK_KIND_FIRST_RESPONSE, due_time=due)
    armed.deadlines.add(
        kind=clock_pb2.CLOCK_KIND_RESOLUTION, due_time=Timestamp(seconds=1_900_000_000)
    )
    await world.say(armed, event.conversation_id)

    async def deadline():
        ticket = await running.ticket(event.ticket_id, front.agent)
        return ticket.next_due_clock, ticket.next_due_time.seconds

    await world.eventually(deadline, ("first_response", 1_800_000_000))
    await world.say(
        sla.ClockMet(
            ticket_id=event.ticket_id,
            conversation_id=event.conversation_id,
            clock_id=new_id(),
            kind=clock_pb2.CLOCK_KIND_FIRST_RESPONSE,
            instance=1,
        ),
        event.conversation_id,
    )
    await world.eventually(deadline, ("resolution", 1_900_000_000))

    await world.say(
        notify.DeliveryAccepted(
            delivery_id=new_id(),
            conversation_id=event.conversation_id,
            template="answer",
            message_id=message.name.rpartition("/")[2],
            channel=channel_pb2.CHANNEL_EMAIL,
        ),
        event.conversation_id,
    )

    async def delivery():
        listed = await running.tickets.ListPublicMessages(
            pb.ListPublicMessagesRequest(parent=name), metadata=front.agent
        )
        return {each.delivery_state for each in listed.public_messages}

    await world.eventually(delivery, {"", "accepted"})


async def test_a_message_waits_for_a_desk_that_is_not_set_up_yet(
    running, world, a_mail, catalogue_of
):
    mail = a_mail()
    await world.receive(mail)
    await asyncio.sleep(0.5)

    await running.set_up(catalogue_of())
    [event] = await world.heard(events_pb2.TicketOpened)

    assert event.item_id == mail.item_id


async def test_a_redelivered_event_opens_nothing_twice(running, world, front, a_mail):
    mail = a_mail()
    event = await world.receive(mail)
    await world.heard(events_pb2.TicketOpened)
    await world.publish(event)
    other = a_mail(sender_address="olga@example.ru")
    await world.receive(other)
    await world.heard(events_pb2.TicketOpened, 2)

    listed = await running.tickets.ListTickets(pb.ListTicketsRequest(), metadata=front.agent)
    assert len(listed.tickets) == 2
