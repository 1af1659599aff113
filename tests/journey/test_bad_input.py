"""What is wrong is refused with field, reason and remedy; nothing is half-done or lost."""

import grpc
import httpx
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from otklik.intake.v1 import intake_service_pb2, intake_service_pb2_grpc, item_pb2
from otklik.tickets.v1 import ticket_service_pb2, ticket_service_pb2_grpc
from otklik_runtime.ids import new_id
from tools.local.callers import CallRefused
from tools.local.demo import post
from tools.local.seed import partner_name

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

LETTER = b"""From: Ivan <ivan@bad-input.example>\r
To: support@otklik.example\r
Subject: %b\r
Message-ID: <%b@bad-input.example>\r
Content-Type: text/plain; charset=%b\r
\r
%b\r
"""


def letter(text=b"Hello", *, charset=b"utf-8", subject=b"A question"):
    return LETTER % (subject, new_id().encode(), charset, text)


async def deliver(stage, raw):
    receipt = await post.send(raw, port=stage.stack.ports.intake_smtp)
    assert receipt.accepted, receipt
    return await stage.fate(receipt.item)


def submission(**changes):
    return intake_service_pb2.SubmitMessageRequest(
        **{
            "request_id": new_id(),
            "account": "channelAccounts/partner-api",
            "sender_address": "buyer@bad-input.example",
            "subject": "A question",
            "text": "What about it?",
            **changes,
        }
    )


async def partners_intake(stage):
    name = partner_name(stage.stack.place)
    return await stage.callers.partner(name, intake_service_pb2_grpc.IntakeServiceStub, "intake")


def refusal(error):
    """Read what a refused call says: status, reason, fields."""
    error = error.__cause__ if isinstance(error, CallRefused) else error
    status = rpc_status.from_call(error)
    info, fields = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details if status else ():
        if detail.Is(info.DESCRIPTOR):
            detail.Unpack(info)
        if detail.Is(fields.DESCRIPTOR):
            detail.Unpack(fields)
    return error.code(), info.reason, [each.field for each in fields.field_violations]


async def test_a_letter_that_names_no_sender_is_kept_in_quarantine(stage):
    raw = letter().replace(b"From: Ivan <ivan@bad-input.example>\r\n", b"")

    item = await deliver(stage, raw)

    assert item.state == item_pb2.ITEM_STATE_QUARANTINED
    assert item.reason == "no_sender"


async def test_a_letter_in_an_unknown_charset_still_becomes_a_ticket(stage):
    text = "Не работает касса".encode("cp1251")

    item = await deliver(stage, letter(text, charset=b"x-unknown-42"))

    assert item.state == item_pb2.ITEM_STATE_TICKETED
    tickets = await stage.tickets()
    request = ticket_service_pb2.ListPublicMessagesRequest(parent=item.ticket)
    (message,) = (await tickets.ListPublicMessages(request)).public_messages
    assert "Не работает касса" in message.text


async def test_a_letter_of_thirty_megabytes_is_refused_with_the_limit(stage):
    raw = letter(b"x" * 70 + b"\r\n" + (b"y" * 76 + b"\r\n") * (30 * 1024 * 1024 // 78))

    receipt = await post.send(raw, port=stage.stack.ports.intake_smtp)

    assert receipt.code == 552
    assert "25" in receipt.text


async def test_a_form_without_its_fields_is_shown_again_with_each_of_them_named(stage):
    form = f"{stage.stack.ports.url('intake')}/form"
    async with httpx.AsyncClient() as client:
        answer = await client.post(form, data={"name": "Anna"}, headers={"accept-language": "en"})

    assert answer.status_code == 422
    for name in ("email", "subject", "text"):
        assert f'href="#{name}"' in answer.text or f'id="{name}' in answer.text
    assert "Anna" in answer.text


async def test_a_request_without_its_fields_is_a_problem_that_names_each(stage):
    address = f"{stage.stack.ports.url('intake')}/v1/requests"
    async with httpx.AsyncClient() as client:
        answer = await client.post(address, json={}, headers={"idempotency-key": new_id()})

    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert "email" in answer.text
    assert "text" in answer.text


async def test_a_call_without_a_token_is_told_how_to_get_one(stage):
    intake = await stage.callers.anonymous(intake_service_pb2_grpc.IntakeServiceStub, "intake")

    with pytest.raises(CallRefused) as caught:
        await intake.SubmitMessage(submission())

    assert refusal(caught.value)[:2] == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING")
    assert "ExchangeToken" in str(caught.value)


async def test_a_call_with_a_token_of_somebody_else_is_refused(stage):
    address = stage.stack.ports.grpc_address("intake")
    async with grpc.aio.insecure_channel(address) as channel:
        stub = intake_service_pb2_grpc.IntakeServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.SubmitMessage(
                submission(), metadata=(("authorization", "Bearer not.a.token"),), timeout=5
            )

    assert refusal(caught.value)[:2] == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")


async def test_a_submission_with_wrong_fields_names_every_one_of_them(stage):
    intake = await partners_intake(stage)

    with pytest.raises(CallRefused) as caught:
        await intake.SubmitMessage(submission(sender_address="nobody", text="", request_id="1"))

    status, _, fields = refusal(caught.value)
    assert status == grpc.StatusCode.INVALID_ARGUMENT
    assert {"sender_address", "text", "request_id"} <= set(fields)


async def test_a_submission_for_a_service_that_does_not_exist_names_the_field(stage):
    intake = await partners_intake(stage)

    with pytest.raises(CallRefused) as caught:
        await intake.SubmitMessage(submission(service="services/no-such-service"))

    status, reason, fields = refusal(caught.value)
    assert (status, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "SERVICE_NOT_FOUND")
    assert fields == ["service"]
    assert "ListServices" in str(caught.value)


async def test_a_call_past_its_deadline_leaves_nothing_half_done(stage):
    intake = await partners_intake(stage)
    request = submission(subject="Late")

    with pytest.raises(CallRefused) as caught:
        await intake.SubmitMessage(request, timeout=0.0001)
    assert caught.value.status == grpc.StatusCode.DEADLINE_EXCEEDED

    first = await intake.SubmitMessage(request)
    again = await intake.SubmitMessage(request)
    assert first.name == again.name


async def test_one_request_id_for_two_messages_is_refused(stage):
    intake = await partners_intake(stage)
    request = submission()
    await intake.SubmitMessage(request)

    with pytest.raises(CallRefused) as caught:
        await intake.SubmitMessage(submission(request_id=request.request_id, text="Another"))

    assert refusal(caught.value)[:2] == (grpc.StatusCode.ABORTED, "REQUEST_ID_REUSED")


async def test_a_stranger_who_writes_into_a_conversation_opens_a_ticket_of_his_own(stage):
    item = await deliver(stage, letter(subject=b"Mine"))
    tickets = await stage.tickets()
    ticket = await tickets.GetTicket(ticket_service_pb2.GetTicketRequest(name=item.ticket))
    sent = await tickets.SendPublicMessage(
        ticket_service_pb2.SendPublicMessageRequest(
            parent=ticket.name, request_id=new_id(), text="Answer"
        )
    )
    timeline = stage.timeline(ticket.conversation_id)
    told = await timeline.until(
        "DeliveryAccepted", lambda one: one.message.message_id == sent.name.rpartition("/")[2]
    )
    answer = await stage.letterbox.letter(told.message.internet_message_id)

    stranger = post.reply_to(answer, "Let me in", sender="stranger@elsewhere.example")
    fate = await deliver(stage, stranger)

    assert fate.state == item_pb2.ITEM_STATE_TICKETED
    assert fate.ticket != ticket.name
    request = ticket_service_pb2.ListPublicMessagesRequest(parent=ticket.name)
    texts = [one.text for one in (await tickets.ListPublicMessages(request)).public_messages]
    assert not any("Let me in" in text for text in texts)


async def test_a_customer_or_partner_never_sees_internal_notes(stage):
    item = await deliver(stage, letter(subject=b"Notes"))
    tickets = await stage.tickets()
    await tickets.AddInternalNote(
        ticket_service_pb2.AddInternalNoteRequest(
            parent=item.ticket, request_id=new_id(), text="Only for us"
        )
    )
    partner = await stage.callers.partner(
        partner_name(stage.stack.place), ticket_service_pb2_grpc.TicketServiceStub, "tickets"
    )

    with pytest.raises(CallRefused) as caught:
        await partner.ListInternalNotes(
            ticket_service_pb2.ListInternalNotesRequest(parent=item.ticket)
        )
    assert caught.value.status == grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(CallRefused) as caught:
        await partner.GetTicket(ticket_service_pb2.GetTicketRequest(name=item.ticket))
    assert caught.value.status == grpc.StatusCode.NOT_FOUND
