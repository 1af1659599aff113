"""TicketService as agents call it: once, in order, and only what may be."""

import asyncio

import grpc

from otklik.tickets.v1 import directory_pb2, events_pb2, ticket_pb2
from otklik.tickets.v1 import directory_service_pb2 as directory_pb
from otklik.tickets.v1 import ticket_service_pb2 as pb
from otklik_runtime.ids import new_id

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def test_a_second_press_sends_nothing_twice(running, world, front, opened):
    event = await opened()
    request = pb.SendPublicMessageRequest(
        parent=f"tickets/{event.ticket_id}", request_id=new_id(), text="Смотрим"
    )

    answers = await asyncio.gather(
        *(running.tickets.SendPublicMessage(request, metadata=front.agent) for _ in range(4))
    )

    assert len({answer.name for answer in answers}) == 1
    listed = await running.tickets.ListPublicMessages(
        pb.ListPublicMessagesRequest(parent=request.parent), metadata=front.agent
    )
    assert len(listed.public_messages) == 2


async def test_of_two_agents_who_take_one_ticket_one_gets_it(running, front, opened):
    event = await opened()
    request = pb.TakeTicketRequest(name=f"tickets/{event.ticket_id}")

    async def take(who):
        try:
            return await running.tickets.TakeTicket(request, metadata=who)
        except grpc.aio.AioRpcError as error:
            return error.code()

    answers = await asyncio.gather(take(front.agent), take(front.lead))

    assert sum(isinstance(answer, ticket_pb2.Ticket) for answer in answers) == 1
    assert grpc.StatusCode.ABORTED in answers


async def test_an_answer_that_has_not_seen_the_newest_message_is_refused(
    running, world, front, opened, a_mail
):
    event = await opened()
    before = await running.ticket(event.ticket_id, front.agent)
    mail = a_mail(conversation_id=event.conversation_id)
    await world.receive(mail)
    await world.heard(events_pb2.MessageAppended)

    code, reason, facts = await running.refusal(
        running.tickets.SendPublicMessage(
            pb.SendPublicMessageRequest(
                parent=before.name,
                request_id=new_id(),
                text="Смотрим",
                last_customer_message=before.last_customer_message,
            ),
            metadata=front.agent,
        )
    )

    assert (code, reason) == (grpc.StatusCode.ABORTED, "CUSTOMER_WROTE_AGAIN")
    assert facts["last_customer_message"].endswith(mail.item_id)


async def test_what_the_matrix_forbids_is_refused_with_what_it_allows(running, front, opened):
    event = await opened()

    code, reason, facts = await running.refusal(
        running.tickets.ResolveTicket(
            pb.ResolveTicketRequest(
                name=f"tickets/{event.ticket_id}", resolution_text="x", request_id=new_id()
            ),
            metadata=front.agent,
        )
    )

    assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "TRANSITION_NOT_ALLOWED")
    assert facts["allowed"] == "take, answer"


async def test_a_note_never_reaches_the_conversation_nor_an_event(running, world, front, opened):
    event = await opened()
    name = f"tickets/{event.ticket_id}"
    await running.tickets.AddInternalNote(
        pb.AddInternalNoteRequest(parent=name, request_id=new_id(), text="между нами"),
        metadata=front.agent,
    )

    notes = await running.tickets.ListInternalNotes(
        pb.ListInternalNotesRequest(parent=name), metadata=front.lead
    )
    messages = await running.tickets.ListPublicMessages(
        pb.ListPublicMessagesRequest(parent=name), metadata=front.lead
    )
    history = await running.tickets.ListTicketEvents(
        pb.ListTicketEventsRequest(parent=name), metadata=front.lead
    )

    assert [note.text for note in notes.internal_notes] == ["между нами"]
    assert "между нами" not in str(messages)
    assert len(history.ticket_events) == 1


async def test_a_list_is_paged_by_keyset_newest_change_first(running, front, opened):
    tickets = [await opened(sender_address=f"{n}@example.ru") for n in range(5)]
    await running.tickets.TakeTicket(
        pb.TakeTicketRequest(name=f"tickets/{tickets[0].ticket_id}"), metadata=front.agent
    )

    found, token = [], ""
    while True:
        page = await running.tickets.ListTickets(
            pb.ListTicketsRequest(
                page_size=2,
                page_token=token,
                state_meanings=[ticket_pb2.STATE_MEANING_OPEN],
            ),
            metadata=front.agent,
        )
        found += [ticket.number for ticket in page.tickets]
        token = page.next_page_token
        if not token:
            break

    assert found == ["OT-000001", "OT-000005", "OT-000004", "OT-000003", "OT-000002"]
    mine = await running.tickets.ListTickets(
        pb.ListTicketsRequest(assignee=front.agent_name), metadata=front.lead
    )
    assert [ticket.number for ticket in mine.tickets] == ["OT-000001"]
    by_number = await running.tickets.ListTickets(
        pb.ListTicketsRequest(number="OT-000003"), metadata=front.lead
    )
    assert [ticket.number for ticket in by_number.tickets] == ["OT-000003"]


async def test_bad_requests_are_refused_with_their_field(running, front):
    unknown = new_id()
    for request, want in (
        (
            pb.CreateTicketRequest(
                request_id=new_id(),
                customer=f"customers/{unknown}",
                service="services/mail",
                subject="x",
                text="x",
            ),
            (grpc.StatusCode.NOT_FOUND, "CUSTOMER_NOT_FOUND"),
        ),
        (
            pb.CreateTicketRequest(request_id=new_id(), customer="customers/1", subject="x"),
            (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_INVALID"),
        ),
    ):
        code, reason, _ = await running.refusal(
            running.tickets.CreateTicket(request, metadata=front.agent)
        )
        assert (code, reason) == want


async def test_a_caller_without_token_or_role_is_refused(running, front):
    code, reason, _ = await running.refusal(running.tickets.ListTickets(pb.ListTicketsRequest()))
    assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING")

    code, _, _ = await running.refusal(
        running.directory.CreateAgent(
            directory_pb.CreateAgentRequest(
                agent=directory_pb2.Agent(
                    display_name="x", subject="x", roles=["admin"], locale="ru"
                )
            ),
            metadata=front.agent,
        )
    )
    assert code is grpc.StatusCode.PERMISSION_DENIED
