"""Tickets as a whole, built by its own bootstrap: real broker, database, gRPC and provider."""

import asyncio
import json
import urllib.request
from dataclasses import dataclass
from datetime import timedelta

import grpc
import jwt
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2, status_pb2

from otklik.intake.v1 import events_pb2 as intake
from otklik.notify.v1 import events_pb2 as notify
from otklik.sla.v1 import clock_pb2
from otklik.sla.v1 import events_pb2 as sla
from otklik.tickets.v1 import catalogue_pb2, directory_pb2, events_pb2, ticket_pb2
from otklik.tickets.v1 import catalogue_service_pb2 as catalogue_pb
from otklik.tickets.v1 import directory_service_pb2 as directory_pb
from otklik.tickets.v1 import identity_service_pb2 as identity_pb
from otklik.tickets.v1 import ticket_service_pb2 as pb
from otklik.type.v1 import channel_pb2
from otklik_runtime import assertions, keys
from otklik_runtime.ids import new_id
from otklik_runtime.key_ring import KeyRing
from otklik_tickets.wire.catalogue import (
    priorities_message,
    request_type_message,
    service_message,
)
from otklik_tickets.wire.directory import segment_message

TRACE = "0af7651916cd43dd8448eb211c80319c"


@dataclass
class Desk:
    """A desk that was set up through the public API, and the people of it."""

    admin: tuple
    agent: tuple
    lead: tuple
    agent_name: str


@pytest.fixture
async def desk(running, catalogue_of) -> Desk:
    return await set_up(running, catalogue_of())


async def set_up(running, kept) -> Desk:
    """Do what an administrator does on the first day."""
    admin = await running.sign_in("dev-admin")
    for request_type in kept.request_types.values():
        await running.catalogue.CreateRequestType(
            catalogue_pb.CreateRequestTypeRequest(request_type=request_type_message(request_type)),
            metadata=admin,
        )
    for service in kept.services.values():
        await running.catalogue.CreateService(
            catalogue_pb.CreateServiceRequest(service=service_message(service)), metadata=admin
        )
    for segment in kept.segments.values():
        await running.directory.CreateSegment(
            directory_pb.CreateSegmentRequest(segment=segment_message(segment)), metadata=admin
        )
    await running.catalogue.UpdatePriorityMatrix(
        catalogue_pb.UpdatePriorityMatrixRequest(
            priority_matrix=priorities_message(kept.priorities)
        ),
        metadata=admin,
    )
    names = {}
    for subject, role in (("anna", "agent"), ("boris", "lead")):
        made = await running.directory.CreateAgent(
            directory_pb.CreateAgentRequest(
                agent=directory_pb2.Agent(
                    display_name=subject.title(), subject=subject, roles=[role], locale="ru"
                )
            ),
            metadata=admin,
        )
        names[subject] = made.name
    return Desk(
        admin=admin,
        agent=await running.sign_in("anna"),
        lead=await running.sign_in("boris"),
        agent_name=names["anna"],
    )


def stamped(mail) -> Timestamp:
    moment = Timestamp()
    moment.FromDatetime(mail.received_at)
    return moment


def received(mail) -> intake.MessageReceived:
    """The event intake says for this mail."""
    message = intake.MessageReceived(
        item_id=mail.item_id,
        conversation_id=mail.conversation_id,
        channel=int(mail.channel),
        account="channelAccounts/support",
        sender_address=mail.sender_address,
        sender_name=mail.sender_name,
        subject=mail.subject,
        text=mail.text,
        locale=mail.locale,
        service=mail.service,
        receive_time=stamped(mail),
        automatic=mail.automatic,
        internet_message_id=mail.internet_message_id,
        partner_id=mail.partner_id,
    )
    message.reply_route.channel = int(mail.reply_route.channel)
    message.reply_route.account = mail.reply_route.account
    message.reply_route.address = mail.reply_route.address
    return message


@pytest.fixture
def opened(world, desk, a_mail):
    """Let a mail arrive and give the ticket it opened."""
    count = 0

    async def make(**told) -> events_pb2.TicketOpened:
        nonlocal count
        count += 1
        mail = a_mail(**told)
        await world.say(received(mail), mail.conversation_id)
        return (await world.heard(events_pb2.TicketOpened, count))[-1]

    return make


async def refusal(call) -> tuple[grpc.StatusCode, str, dict[str, str]]:
    """The code, reason and facts of a refused call."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    error = refused.value
    for name, value in error.trailing_metadata():
        if name == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    return error.code(), info.reason, dict(info.metadata)
    return error.code(), "", {}


async def eventually(look, want) -> None:
    """Wait until a view shows what another service has said."""
    async with asyncio.timeout(20):
        while await look() != want:  # noqa: ASYNC110 - a view offers no event
            await asyncio.sleep(0.05)


def get(running, ticket_id, who):
    return running.tickets.GetTicket(pb.GetTicketRequest(name=f"tickets/{ticket_id}"), metadata=who)


async def test_a_mail_becomes_a_ticket_in_the_trace_it_came_in(running, world, desk, opened):
    event = await opened(subject="VPN не работает")

    ticket = await get(running, event.ticket_id, desk.agent)
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


async def test_a_ticket_is_answered_resolved_and_reopened(running, world, desk, opened, a_mail):
    event = await opened()
    name = f"tickets/{event.ticket_id}"
    taken = await running.tickets.TakeTicket(
        pb.TakeTicketRequest(name=name, request_id=new_id()), metadata=desk.agent
    )
    message = await running.tickets.SendPublicMessage(
        pb.SendPublicMessageRequest(
            parent=name,
            request_id=new_id(),
            text="Смотрим",
            last_customer_message=taken.last_customer_message,
        ),
        metadata=desk.agent,
    )
    now = await get(running, event.ticket_id, desk.agent)
    resolved = await running.tickets.ResolveTicket(
        pb.ResolveTicketRequest(
            name=name, resolution_text="Готово", etag=now.etag, request_id=new_id()
        ),
        metadata=desk.agent,
    )
    mail = a_mail(conversation_id=event.conversation_id)
    await world.say(received(mail), event.conversation_id)
    [reopened] = await world.heard(events_pb2.TicketReopened)

    [sent] = await world.heard(events_pb2.MessageSent)
    [said] = await world.heard(events_pb2.TicketResolved)
    assert taken.assignee == desk.agent_name
    assert message.delivery_state == "queued"
    assert (sent.text, sent.author_display_name) == ("Смотрим", "Anna")
    assert sent.reply_route.address == "ivan@example.ru"
    assert (said.resolution_text, said.episode) == ("Готово", 1)
    assert resolved.state == "resolved"
    assert resolved.HasField("resolve_time")
    assert reopened.message_id == mail.item_id
    texts = await running.tickets.ListPublicMessages(
        pb.ListPublicMessagesRequest(parent=name), metadata=desk.agent
    )
    assert {each.text for each in texts.public_messages} == {
        "Ничего не работает",
        "Смотрим",
        "Готово",
    }
    assert (await get(running, event.ticket_id, desk.agent)).state == "in_progress"


async def test_the_history_names_who_did_what(running, desk, opened):
    event = await opened()
    name = f"tickets/{event.ticket_id}"
    await running.tickets.TakeTicket(pb.TakeTicketRequest(name=name), metadata=desk.agent)

    pages = []
    token = ""
    while True:
        page = await running.tickets.ListTicketEvents(
            pb.ListTicketEventsRequest(parent=name, page_size=1, page_token=token),
            metadata=desk.lead,
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
    assert pages[1].changes["assignee"] == f"-> {desk.agent_name}"
    assert pages[2].changes["state"] == "new -> in_progress"
    assert f"agents/{pages[2].actor.id}" == desk.agent_name


async def test_a_second_press_sends_nothing_twice(running, world, desk, opened):
    event = await opened()
    request = pb.SendPublicMessageRequest(
        parent=f"tickets/{event.ticket_id}", request_id=new_id(), text="Смотрим"
    )

    answers = await asyncio.gather(
        *(running.tickets.SendPublicMessage(request, metadata=desk.agent) for _ in range(4))
    )

    assert len({answer.name for answer in answers}) == 1
    listed = await running.tickets.ListPublicMessages(
        pb.ListPublicMessagesRequest(parent=request.parent), metadata=desk.agent
    )
    assert len(listed.public_messages) == 2


async def test_of_two_agents_who_take_one_ticket_one_gets_it(running, desk, opened):
    event = await opened()
    request = pb.TakeTicketRequest(name=f"tickets/{event.ticket_id}")

    async def take(who):
        try:
            return await running.tickets.TakeTicket(request, metadata=who)
        except grpc.aio.AioRpcError as error:
            return error.code()

    answers = await asyncio.gather(take(desk.agent), take(desk.lead))

    assert sum(isinstance(answer, ticket_pb2.Ticket) for answer in answers) == 1
    assert grpc.StatusCode.ABORTED in answers


async def test_an_answer_that_has_not_seen_the_newest_message_is_refused(
    running, world, desk, opened, a_mail
):
    event = await opened()
    before = await get(running, event.ticket_id, desk.agent)
    mail = a_mail(conversation_id=event.conversation_id)
    await world.say(received(mail), event.conversation_id)
    await world.heard(events_pb2.MessageAppended)

    code, reason, facts = await refusal(
        running.tickets.SendPublicMessage(
            pb.SendPublicMessageRequest(
                parent=before.name,
                request_id=new_id(),
                text="Смотрим",
                last_customer_message=before.last_customer_message,
            ),
            metadata=desk.agent,
        )
    )

    assert (code, reason) == (grpc.StatusCode.ABORTED, "CUSTOMER_WROTE_AGAIN")
    assert facts["last_customer_message"].endswith(mail.item_id)


async def test_what_the_matrix_forbids_is_refused_with_what_it_allows(running, desk, opened):
    event = await opened()

    code, reason, facts = await refusal(
        running.tickets.ResolveTicket(
            pb.ResolveTicketRequest(
                name=f"tickets/{event.ticket_id}", resolution_text="x", request_id=new_id()
            ),
            metadata=desk.agent,
        )
    )

    assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "TRANSITION_NOT_ALLOWED")
    assert facts["allowed"] == "take, answer"


async def test_a_note_never_reaches_the_conversation_nor_an_event(running, world, desk, opened):
    event = await opened()
    name = f"tickets/{event.ticket_id}"
    await running.tickets.AddInternalNote(
        pb.AddInternalNoteRequest(parent=name, request_id=new_id(), text="между нами"),
        metadata=desk.agent,
    )

    notes = await running.tickets.ListInternalNotes(
        pb.ListInternalNotesRequest(parent=name), metadata=desk.lead
    )
    messages = await running.tickets.ListPublicMessages(
        pb.ListPublicMessagesRequest(parent=name), metadata=desk.lead
    )
    history = await running.tickets.ListTicketEvents(
        pb.ListTicketEventsRequest(parent=name), metadata=desk.lead
    )

    assert [note.text for note in notes.internal_notes] == ["между нами"]
    assert "между нами" not in str(messages)
    assert len(history.ticket_events) == 1


async def test_deadlines_and_deliveries_are_shown(running, world, desk, opened):
    event = await opened()
    name = f"tickets/{event.ticket_id}"
    message = await running.tickets.SendPublicMessage(
        pb.SendPublicMessageRequest(parent=name, request_id=new_id(), text="Смотрим"),
        metadata=desk.agent,
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
        ticket = await get(running, event.ticket_id, desk.agent)
        return ticket.next_due_clock, ticket.next_due_time.seconds

    await eventually(deadline, ("first_response", 1_800_000_000))
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
    await eventually(deadline, ("resolution", 1_900_000_000))

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
            pb.ListPublicMessagesRequest(parent=name), metadata=desk.agent
        )
        return {each.delivery_state for each in listed.public_messages}

    await eventually(delivery, {"", "accepted"})


async def test_a_list_is_paged_by_keyset_newest_change_first(running, desk, opened):
    tickets = [await opened(sender_address=f"{n}@example.ru") for n in range(5)]
    await running.tickets.TakeTicket(
        pb.TakeTicketRequest(name=f"tickets/{tickets[0].ticket_id}"), metadata=desk.agent
    )

    found, token = [], ""
    while True:
        page = await running.tickets.ListTickets(
            pb.ListTicketsRequest(
                page_size=2,
                page_token=token,
                state_meanings=[ticket_pb2.STATE_MEANING_OPEN],
            ),
            metadata=desk.agent,
        )
        found += [ticket.number for ticket in page.tickets]
        token = page.next_page_token
        if not token:
            break

    assert found == ["OT-000001", "OT-000005", "OT-000004", "OT-000003", "OT-000002"]
    mine = await running.tickets.ListTickets(
        pb.ListTicketsRequest(assignee=desk.agent_name), metadata=desk.lead
    )
    assert [ticket.number for ticket in mine.tickets] == ["OT-000001"]
    by_number = await running.tickets.ListTickets(
        pb.ListTicketsRequest(number="OT-000003"), metadata=desk.lead
    )
    assert [ticket.number for ticket in by_number.tickets] == ["OT-000003"]


async def customer_of(running, settings, conversation_id) -> identity_pb.ExchangeTokenResponse:
    link = KeyRing.load(settings.key_ring_file).sign("customer-link", conversation_id, None)
    return await running.exchange(identity_pb.SUBJECT_TOKEN_TYPE_CUSTOMER_LINK, link)


def as_bearer(answer):
    return (("authorization", f"Bearer {answer.access_token}"),)


async def test_a_customer_sees_the_one_conversation_of_the_link(running, settings, desk, opened):
    own, same_customer = await opened(), await opened()
    await running.tickets.SendPublicMessage(
        pb.SendPublicMessageRequest(
            parent=f"tickets/{own.ticket_id}", request_id=new_id(), text="Смотрим"
        ),
        metadata=desk.agent,
    )
    await running.tickets.TakeTicket(
        pb.TakeTicketRequest(name=f"tickets/{own.ticket_id}"), metadata=desk.agent
    )

    answer = await customer_of(running, settings, own.conversation_id)
    who = as_bearer(answer)

    listed = await running.tickets.ListTickets(pb.ListTicketsRequest(), metadata=who)
    ticket = await get(running, own.ticket_id, who)
    messages = await running.tickets.ListPublicMessages(
        pb.ListPublicMessagesRequest(parent=ticket.name), metadata=who
    )
    assert (answer.conversation_id, answer.locale) == (own.conversation_id, "ru")
    assert [each.number for each in listed.tickets] == [own.number]
    assert ticket.assignee == ""
    assert not ticket.allowed_transitions
    assert messages.public_messages[1].author_display_name == "Anna"
    assert messages.public_messages[1].author.id == ""
    for call in (
        get(running, same_customer.ticket_id, who),
        running.tickets.ListPublicMessages(
            pb.ListPublicMessagesRequest(parent=f"tickets/{same_customer.ticket_id}"), metadata=who
        ),
    ):
        code, reason, _ = await refusal(call)
        assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "TICKET_NOT_FOUND")
    code, _, _ = await refusal(
        running.tickets.ListInternalNotes(
            pb.ListInternalNotesRequest(parent=ticket.name), metadata=who
        )
    )
    assert code is grpc.StatusCode.PERMISSION_DENIED


async def test_a_session_goes_on_until_it_is_revoked(running, provider, desk):
    first = await running.exchange(
        identity_pb.SUBJECT_TOKEN_TYPE_STAFF_ID_TOKEN, provider.id_token("anna")
    )
    again = await running.exchange(identity_pb.SUBJECT_TOKEN_TYPE_SESSION, first.session_token)
    assert again.principal == desk.agent_name
    assert again.expires_in.ToTimedelta() == timedelta(minutes=5)

    await running.identity.RevokeSession(
        identity_pb.RevokeSessionRequest(session_token=first.session_token)
    )

    code, reason, _ = await refusal(
        running.exchange(identity_pb.SUBJECT_TOKEN_TYPE_SESSION, first.session_token)
    )
    assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "SESSION_REVOKED")


async def test_an_id_token_that_is_not_for_us_is_refused(running, provider, desk):
    for wrong in (
        {"aud": "somebody-else"},
        {"iss": "https://evil.example"},
        {"sub": "nobody-we-know"},
    ):
        code, reason, _ = await refusal(
            running.exchange(
                identity_pb.SUBJECT_TOKEN_TYPE_STAFF_ID_TOKEN, provider.id_token("anna", **wrong)
            )
        )
        assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "PROOF_REFUSED")


async def test_an_expired_id_token_says_so(running, provider, desk):
    code, reason, _ = await refusal(
        running.exchange(
            identity_pb.SUBJECT_TOKEN_TYPE_STAFF_ID_TOKEN,
            provider.id_token("anna", iat=1, exp=600),
        )
    )

    assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "PROOF_EXPIRED")


async def test_forged_tokens_do_not_make_us_ask_the_provider_again_and_again(
    running, provider, desk
):
    asked = provider.asked
    for algorithm, key in (("HS256", "s" * 32), ("EdDSA", keys.generate())):
        forged = jwt.encode({"sub": "anna"}, key, algorithm=algorithm, headers={"kid": "new"})
        for _ in range(5):
            code, _, _ = await refusal(
                running.exchange(identity_pb.SUBJECT_TOKEN_TYPE_STAFF_ID_TOKEN, forged)
            )
            assert code is grpc.StatusCode.UNAUTHENTICATED

    assert provider.asked <= asked + 2


async def test_the_published_keys_verify_our_tokens(running, desk):
    def read():
        with urllib.request.urlopen(
            f"http://127.0.0.1:{running.http_port}/.well-known/jwks.json", timeout=5
        ) as answer:
            return json.load(answer)

    document = await asyncio.to_thread(read)
    token = desk.agent[0][1].removeprefix("Bearer ")

    key = jwt.PyJWKSet.from_dict(document)[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience="otklik", issuer="otklik")
    assert (claims["kind"], claims["roles"], claims["locale"]) == ("agent", ["agent"], "ru")
    assert claims["exp"] - claims["iat"] == 300


async def test_a_service_proves_itself_with_its_key(running, settings):
    key = keys.load_private(settings.private_key_file.with_name("sla.pem"))[0]

    answer = await running.exchange(
        identity_pb.SUBJECT_TOKEN_TYPE_SERVICE_ASSERTION, assertions.sign("sla", key)
    )
    code, reason, _ = await refusal(
        running.exchange(
            identity_pb.SUBJECT_TOKEN_TYPE_SERVICE_ASSERTION, assertions.sign("notify", key)
        )
    )

    assert (answer.principal, list(answer.roles)) == ("sla", ["service"])
    assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "PROOF_REFUSED")


async def test_a_partner_opens_tickets_and_sees_its_own(running, desk, opened):
    key = keys.generate()
    pem = keys.public_text(key.public_key())
    partner = await running.directory.CreatePartner(
        directory_pb.CreatePartnerRequest(
            partner=directory_pb2.Partner(display_name="Acme", public_key_pem=pem)
        ),
        metadata=desk.admin,
    )
    assertion = assertions.sign(partner.name.removeprefix("partners/"), key)
    kind = identity_pb.SUBJECT_TOKEN_TYPE_PARTNER_ASSERTION
    answer = await running.exchange(kind, assertion)
    code, reason, _ = await refusal(running.exchange(kind, assertion))
    assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "PROOF_REFUSED")
    who = as_bearer(answer)

    foreign = await opened()
    request = pb.CreateTicketRequest(
        request_id=new_id(),
        customer=f"customers/{foreign.customer_id}",
        service="services/mail",
        subject="Почта",
        text="Не приходит",
    )
    ticket = await running.tickets.CreateTicket(request, metadata=who)
    again = await running.tickets.CreateTicket(request, metadata=who)
    listed = await running.tickets.ListTickets(pb.ListTicketsRequest(), metadata=who)
    code, _, _ = await refusal(get(running, foreign.ticket_id, who))

    assert answer.session_token == ""
    assert again == ticket
    assert [each.name for each in listed.tickets] == [ticket.name]
    assert code is grpc.StatusCode.NOT_FOUND


async def test_bad_requests_are_refused_with_their_field(running, desk):
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
        code, reason, _ = await refusal(running.tickets.CreateTicket(request, metadata=desk.agent))
        assert (code, reason) == want


async def test_a_caller_without_token_or_role_is_refused(running, desk):
    code, reason, _ = await refusal(running.tickets.ListTickets(pb.ListTicketsRequest()))
    assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING")

    code, _, _ = await refusal(
        running.directory.CreateAgent(
            directory_pb.CreateAgentRequest(
                agent=directory_pb2.Agent(
                    display_name="x", subject="x", roles=["admin"], locale="ru"
                )
            ),
            metadata=desk.agent,
        )
    )
    assert code is grpc.StatusCode.PERMISSION_DENIED


async def test_an_address_belongs_to_one_customer(running, desk):
    def request(address):
        customer = directory_pb2.Customer(display_name="Ольга")
        customer.identities.add(channel=channel_pb2.CHANNEL_EMAIL, address=address, verified=True)
        return directory_pb.CreateCustomerRequest(customer=customer)

    made = await running.directory.CreateCustomer(request("Olga@Example.ru"), metadata=desk.agent)
    code, reason, facts = await refusal(
        running.directory.CreateCustomer(request("olga@example.RU"), metadata=desk.lead)
    )
    found = await running.directory.ListCustomers(
        directory_pb.ListCustomersRequest(address="OLGA@example.ru"), metadata=desk.agent
    )
    got = await running.directory.GetCustomer(
        directory_pb.GetCustomerRequest(name=made.name), metadata=desk.agent
    )

    assert made.identities[0].address == "olga@example.ru"
    assert (code, reason) == (grpc.StatusCode.ABORTED, "IDENTITY_TAKEN")
    assert facts["customer"] == made.name
    assert list(found.customers) == [made] == [got]


async def test_the_directory_is_listed_in_pages(running, desk):
    names, token = [], ""
    while True:
        page = await running.directory.ListAgents(
            directory_pb.ListAgentsRequest(page_size=1, page_token=token), metadata=desk.agent
        )
        names += [agent.display_name for agent in page.agents]
        token = page.next_page_token
        if not token:
            break
    segments = await running.directory.ListSegments(
        directory_pb.ListSegmentsRequest(), metadata=desk.agent
    )

    assert names == ["Administrator", "Anna", "Boris"]
    assert [segment.name for segment in segments.segments] == ["segments/key", "segments/plain"]


async def test_the_catalogue_refuses_twins_and_unsound_matrices(running, desk):
    services = await running.catalogue.ListServices(
        catalogue_pb.ListServicesRequest(), metadata=desk.agent
    )
    assert [each.name for each in services.services] == [
        "services/mail",
        "services/network",
        "services/other",
    ]
    code, reason, _ = await refusal(
        running.catalogue.CreateService(
            catalogue_pb.CreateServiceRequest(service=services.services[0]), metadata=desk.admin
        )
    )
    assert (code, reason) == (grpc.StatusCode.ABORTED, "SERVICE_EXISTS")

    got = await running.catalogue.GetRequestType(
        catalogue_pb.GetRequestTypeRequest(name="requestTypes/request"), metadata=desk.agent
    )
    unsound = catalogue_pb2.RequestType()
    unsound.CopyFrom(got)
    unsound.name = "requestTypes/other"
    unsound.states.add(key="island", meaning=ticket_pb2.STATE_MEANING_CLOSED)
    unsound.states[-1].display_name.CopyFrom(got.display_name)
    code, reason, facts = await refusal(
        running.catalogue.CreateRequestType(
            catalogue_pb.CreateRequestTypeRequest(request_type=unsound), metadata=desk.admin
        )
    )
    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "STATE_MATRIX")
    assert facts["state"] == "island"


async def test_a_second_default_segment_is_refused(running, desk):
    segment = directory_pb2.Segment(
        name="segments/other", impact=ticket_pb2.LEVEL_LOW, default=True
    )
    segment.display_name.ru = segment.display_name.en = "other"

    code, reason, _ = await refusal(
        running.directory.CreateSegment(
            directory_pb.CreateSegmentRequest(segment=segment), metadata=desk.admin
        )
    )

    assert (code, reason) == (grpc.StatusCode.ABORTED, "DEFAULT_SEGMENT_EXISTS")


async def test_a_message_waits_for_a_desk_that_is_not_set_up_yet(
    running, world, a_mail, catalogue_of
):
    mail = a_mail()
    await world.say(received(mail), mail.conversation_id)
    await asyncio.sleep(0.5)

    await set_up(running, catalogue_of())
    [event] = await world.heard(events_pb2.TicketOpened)

    assert event.item_id == mail.item_id


async def test_a_redelivered_event_opens_nothing_twice(running, world, desk, a_mail):
    mail = a_mail()
    event = await world.say(received(mail), mail.conversation_id)
    await world.heard(events_pb2.TicketOpened)
    await world.publish(event)
    other = a_mail(sender_address="olga@example.ru")
    await world.say(received(other), other.conversation_id)
    await world.heard(events_pb2.TicketOpened, 2)

    listed = await running.tickets.ListTickets(pb.ListTicketsRequest(), metadata=desk.agent)
    assert len(listed.tickets) == 2
