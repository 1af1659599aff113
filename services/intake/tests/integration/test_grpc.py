import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.rpc import error_details_pb2, status_pb2

from otklik.intake.v1 import attachment_service_pb2, intake_service_pb2, item_pb2
from otklik.intake.v1.attachment_service_pb2_grpc import (
    AttachmentServiceStub,
    add_AttachmentServiceServicer_to_server,
)
from otklik.intake.v1.intake_service_pb2_grpc import (
    IntakeServiceStub,
    add_IntakeServiceServicer_to_server,
)
from otklik.type.v1 import channel_pb2, localized_text_pb2
from otklik_intake.adapters.unit_of_work import IntakeUnit, unit_opener
from otklik_intake.domain.accounts import Channel
from otklik_intake.domain.items import Arrival, Key
from otklik_intake.domain.letter import File
from otklik_intake.entrypoints.grpc_api import AttachmentApi, IntakeApi
from otklik_runtime import auth, ids
from otklik_runtime.grpc_server import GrpcServer

PARTNER = auth.Principal("partner", ids.new_id(), frozenset({"partner"}))
OTHER_PARTNER = auth.Principal("partner", ids.new_id(), frozenset({"partner"}))
OPERATOR = auth.Principal("agent", ids.new_id(), frozenset({"operator"}))
ADMIN = auth.Principal("agent", ids.new_id(), frozenset({"admin"}))
LEAD = auth.Principal("agent", ids.new_id(), frozenset({"lead"}))


class Caller:
    """Calls as somebody, and gives what comes back."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        self._metadata = [("authorization", f"Bearer {token}")] if token else []
        self.intake: Any = IntakeServiceStub(channel)
        self.files: Any = AttachmentServiceStub(channel)

    async def __call__(self, method: str, request: Any) -> Any:
        return await getattr(self.intake, method)(request, metadata=self._metadata, timeout=20)

    async def download(self, name: str) -> list[Any]:
        request = attachment_service_pb2.DownloadAttachmentRequest(name=name)
        stream = self.files.DownloadAttachment(request, metadata=self._metadata, timeout=20)
        return [chunk async for chunk in stream]


def told(error: grpc.aio.AioRpcError) -> tuple[str, str]:
    """Give the status and the reason of a refusal."""
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            info = error_details_pb2.ErrorInfo()
            assert status_pb2.Status.FromString(value).details[0].Unpack(info)
            return error.code().name, info.reason
    return error.code().name, ""


@pytest.fixture
async def as_(intake, door, service_settings) -> AsyncIterator[Callable[[Any], Caller]]:
    issuer = auth.TokenIssuer([Ed25519PrivateKey.generate()])
    api = IntakeApi(
        door=door,
        views=intake.views,
        open_unit=unit_opener(intake.database),
        database=intake.database,
        unit_of=IntakeUnit,
        requeued=intake.reader.wake,
        accounts_changed=intake.accounts.forget,
    )
    server = GrpcServer(
        service_settings,
        [
            (add_IntakeServiceServicer_to_server, api),
            (add_AttachmentServiceServicer_to_server, AttachmentApi(intake.views)),
        ],
        verifier=issuer,
    )
    running = asyncio.create_task(server.run())
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield lambda who: Caller(channel, issuer.issue(who) if who else "")
    await server.drain()
    await running


def a_message(**fields: str) -> intake_service_pb2.SubmitMessageRequest:
    given = {
        "request_id": ids.new_id(),
        "account": "channelAccounts/partner-api",
        "sender_address": "anna@customer.example",
        "sender_name": "Anna",
        "subject": "Terminal",
        "text": "It does not print.",
        "service": "services/terminals",
        **fields,
    }
    return intake_service_pb2.SubmitMessageRequest(**given)


async def test_a_partners_message_is_stored_once_for_its_request_id(as_, intake):
    request = a_message()
    first = await as_(PARTNER)("SubmitMessage", request)
    again = await as_(PARTNER)("SubmitMessage", request)
    await intake.read()

    (said,) = await intake.said()
    assert first == again
    assert first.state == item_pb2.ITEM_STATE_PENDING
    assert first.external_id == request.request_id
    assert said.message.partner_id == PARTNER.id
    assert said.message.channel == channel_pb2.CHANNEL_PARTNER_API
    assert said.message.item_id == first.name.removeprefix("items/")


async def test_the_same_request_id_with_another_content_is_refused(as_, intake):
    request = a_message()
    await as_(PARTNER)("SubmitMessage", request)
    request.text = "Something else."

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await as_(PARTNER)("SubmitMessage", request)

    assert told(refused.value) == ("ABORTED", "REQUEST_ID_REUSED")
    assert await intake.scalar("select count(*) from items") == 1


async def test_one_partners_request_id_is_nothing_to_another(as_, intake):
    request = a_message()
    mine = await as_(PARTNER)("SubmitMessage", request)
    theirs = await as_(OTHER_PARTNER)("SubmitMessage", request)

    assert mine.name != theirs.name


async def test_many_retries_at_once_make_one_item(as_, intake):
    request = a_message()

    answers = await asyncio.gather(*(as_(PARTNER)("SubmitMessage", request) for _ in range(20)))

    assert len({answer.name for answer in answers}) == 1
    assert await intake.scalar("select count(*) from items") == 1


async def test_a_partner_may_name_a_conversation(as_, intake):
    conversation = ids.new_id()
    await as_(PARTNER)("SubmitMessage", a_message(conversation_id=conversation, locale="en"))
    await intake.read()

    (said,) = await intake.said()
    assert said.message.conversation_id == conversation
    assert said.message.evidence == 3


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"service": "services/unknown"}, ("INVALID_ARGUMENT", "SERVICE_NOT_FOUND")),
        ({"account": "channelAccounts/nobody"}, ("NOT_FOUND", "CHANNEL_ACCOUNT_NOT_FOUND")),
        ({"account": "channelAccounts/web-form"}, ("INVALID_ARGUMENT", "CHANNEL_ACCOUNT_MISMATCH")),
    ],
)
async def test_what_cannot_be_taken_is_refused_with_its_reason(as_, intake, fields, answer):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await as_(PARTNER)("SubmitMessage", a_message(**fields))

    assert told(refused.value) == answer
    assert await intake.scalar("select count(*) from items") == 0


async def test_a_partner_sees_its_own_items_only(as_, intake):
    item = await as_(PARTNER)("SubmitMessage", a_message())
    request = intake_service_pb2.GetItemRequest(name=item.name)

    seen = await as_(PARTNER)("GetItem", request)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await as_(OTHER_PARTNER)("GetItem", request)

    assert seen.name == item.name
    assert told(refused.value) == ("NOT_FOUND", "ITEM_NOT_FOUND")


@pytest.mark.parametrize(
    ("who", "method", "request_"),
    [
        (None, "SubmitMessage", a_message()),
        (ADMIN, "SubmitMessage", a_message()),
        (PARTNER, "ListItems", intake_service_pb2.ListItemsRequest()),
        (PARTNER, "GetLedger", intake_service_pb2.GetLedgerRequest()),
    ],
)
async def test_who_may_not_is_refused(as_, who, method, request_):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await as_(who)(method, request_)

    assert refused.value.code().name == ("PERMISSION_DENIED" if who else "UNAUTHENTICATED")


async def test_items_are_listed_newest_first_page_by_page(as_, intake):
    names = [(await as_(PARTNER)("SubmitMessage", a_message())).name for _ in range(5)]
    found, token = [], ""
    while True:
        page = await as_(OPERATOR)(
            "ListItems",
            intake_service_pb2.ListItemsRequest(
                page_size=2, page_token=token, state=item_pb2.ITEM_STATE_PENDING
            ),
        )
        found += [item.name for item in page.items]
        token = page.next_page_token
        if not token:
            break

    assert found == names[::-1]


async def test_a_page_token_of_another_list_is_refused(as_, intake):
    for _ in range(2):
        await as_(PARTNER)("SubmitMessage", a_message())
    page = await as_(OPERATOR)("ListItems", intake_service_pb2.ListItemsRequest(page_size=1))

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await as_(OPERATOR)(
            "ListItems",
            intake_service_pb2.ListItemsRequest(
                page_token=page.next_page_token, account="channelAccounts/partner-api"
            ),
        )

    assert told(refused.value) == ("INVALID_ARGUMENT", "PAGE_TOKEN_INVALID")


async def test_the_ledger_shows_each_account(as_, intake):
    await as_(PARTNER)("SubmitMessage", a_message())
    ledger = await as_(LEAD)("GetLedger", intake_service_pb2.GetLedgerRequest())

    (entry,) = ledger.entries
    assert entry.account == "channelAccounts/partner-api"
    assert entry.received_count == entry.pending_count == 1
    assert entry.HasField("oldest_pending_time")


def an_account(**fields: Any) -> intake_service_pb2.CreateChannelAccountRequest:
    given = {
        "name": "channelAccounts/sales",
        "channel": channel_pb2.CHANNEL_EMAIL,
        "address": "Sales@Desk.example",
        "display_name": localized_text_pb2.LocalizedText(ru="Продажи", en="Sales"),
        "default_service": "services/general",
        "default_locale": "ru",
        **fields,
    }
    return intake_service_pb2.CreateChannelAccountRequest(
        channel_account=item_pb2.ChannelAccount(**given), request_id=ids.new_id()
    )


async def test_a_new_account_is_said_once_and_receives_at_once(as_, intake):
    request = an_account()
    created = await as_(ADMIN)("CreateChannelAccount", request)
    again = await as_(ADMIN)("CreateChannelAccount", request)
    listed = await as_(ADMIN)(
        "ListChannelAccounts", intake_service_pb2.ListChannelAccountsRequest(page_size=500)
    )

    said = await intake.said("ChannelAccountChanged")
    assert created == again
    assert created.address == "sales@desk.example"
    assert [one.message.channel_account.name for one in said].count(created.name) == 1
    assert said[-1].aggregate_id == ids.stable_id("channel_account", created.name)
    assert created in listed.channel_accounts
    assert (await intake.accounts.current()).receiving("sales+x@desk.example")


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"name": "channelAccounts/support-mail"}, ("ABORTED", "CHANNEL_ACCOUNT_EXISTS")),
        ({"address": "SUPPORT@desk.example"}, ("ABORTED", "CHANNEL_ACCOUNT_EXISTS")),
        ({"address": ""}, ("INVALID_ARGUMENT", "ADDRESS_REQUIRED")),
        ({"address": "a+b@desk.example"}, ("INVALID_ARGUMENT", "ADDRESS_TAGGED")),
        (
            {"channel": channel_pb2.CHANNEL_WEB_FORM, "address": ""},
            ("INVALID_ARGUMENT", "REPLY_ACCOUNT_REQUIRED"),
        ),
        ({"default_locale": "de"}, ("INVALID_ARGUMENT", "REQUEST_INVALID")),
    ],
)
async def test_an_account_that_could_not_work_is_refused(as_, fields, answer):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await as_(ADMIN)("CreateChannelAccount", an_account(**fields))

    assert refused.value.code().name == answer[0]
    if answer[1] != "REQUEST_INVALID":
        assert told(refused.value) == answer


async def test_a_file_is_streamed_to_the_customer_of_its_conversation_only(as_, intake):
    content = bytes(range(256)) * 3000
    arrival = Arrival(
        key=Key(
            channel=Channel.WEB_FORM,
            account="channelAccounts/web-form",
            partner_id="",
            external_id="1",
            variant=b"",
        ),
        content_digest=b"",
        original=b"{}",
        media_type="message/rfc822",
        files=(File(filename="a.bin", content_type="application/x", content=content),),
    )
    receipt = await intake.reception.receive(arrival)
    (stored,) = (await intake.views.item(receipt.item_id)).files
    name = f"attachments/{stored.attachment_id}"
    customer = auth.Principal(
        "customer", ids.new_id(), frozenset({"customer"}), receipt.conversation_id
    )
    stranger = auth.Principal("customer", ids.new_id(), frozenset({"customer"}), ids.new_id())

    reference, *pieces = await as_(customer).download(name)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await as_(stranger).download(name)

    assert reference.reference.size_bytes == len(content)
    assert b"".join(piece.data for piece in pieces) == content
    assert max(len(piece.data) for piece in pieces) == 256 * 1024
    assert told(refused.value) == ("NOT_FOUND", "ATTACHMENT_NOT_FOUND")


async def test_an_item_that_is_not_quarantined_cannot_be_replayed(as_, intake):
    item = await as_(PARTNER)("SubmitMessage", a_message())

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await as_(ADMIN)("ReplayItem", intake_service_pb2.ReplayItemRequest(name=item.name))

    assert told(refused.value) == ("FAILED_PRECONDITION", "ITEM_NOT_QUARANTINED")
