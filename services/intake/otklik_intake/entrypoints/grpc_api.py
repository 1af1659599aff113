"""IntakeService and AttachmentService: the partners' door, the ledger, and the files."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc

from otklik.intake.v1 import attachment_service_pb2, intake_service_pb2, item_pb2
from otklik.intake.v1.attachment_service_pb2_grpc import AttachmentServiceServicer
from otklik.intake.v1.intake_service_pb2_grpc import IntakeServiceServicer
from otklik_intake import wire
from otklik_intake.domain.accounts import Channel
from otklik_intake.domain.commands import ReplayItem
from otklik_intake.domain.errors import AttachmentNotFound, ItemNotFound
from otklik_intake.domain.items import LedgerItem
from otklik_intake.entrypoints.submission_door import Request, SubmissionDoor
from otklik_intake.handlers.create_channel_account import create_channel_account
from otklik_intake.handlers.replay_item import replay_item
from otklik_intake.ports import OpenUnit, UnitOfWork, Views
from otklik_runtime import auth, pages, replay
from otklik_runtime.database import Database, Transaction

_Context = grpc.aio.ServicerContext[Any, Any]

PIECE_BYTES = 256 * 1024


class IntakeApi(IntakeServiceServicer):
    """Takes messages from partners and shows what became of everything received."""

    def __init__(
        self,
        *,
        door: SubmissionDoor,
        views: Views,
        open_unit: OpenUnit,
        database: Database,
        unit_of: Callable[[Transaction], UnitOfWork],
        requeued: Callable[[], None],
        accounts_changed: Callable[[], None],
    ) -> None:
        """Build the service.

        Args:
            door: Stores what partners hand in.
            views: Reads the ledger.
            open_unit: Opens a transaction.
            database: For transactions that answer a repeated request.
            unit_of: Makes a unit of work of a transaction.
            requeued: Called after an item waits to be read again.
            accounts_changed: Called after an account was added.
        """
        self._door = door
        self._views = views
        self._open_unit = open_unit
        self._database = database
        self._unit_of = unit_of
        self._requeued = requeued
        self._accounts_changed = accounts_changed

    async def SubmitMessage(
        self, request: intake_service_pb2.SubmitMessageRequest, context: _Context
    ) -> item_pb2.Item:
        """Store a partner's message; the same request_id answers the same item for ever."""
        receipt = await self._door.submit(
            Request(
                submission=wire.submission_of(request),
                request_id=request.request_id.lower(),
                channel=Channel.PARTNER_API,
                account=request.account,
                partner_id=auth.principal().id,
            )
        )
        return wire.item_message(await self._item(receipt.name))

    async def GetItem(
        self, request: intake_service_pb2.GetItemRequest, context: _Context
    ) -> item_pb2.Item:
        """Show one item; a partner sees its own only."""
        return wire.item_message(await self._item(request.name))

    async def ListItems(
        self, request: intake_service_pb2.ListItemsRequest, context: _Context
    ) -> intake_service_pb2.ListItemsResponse:
        """List items, newest first."""
        size = pages.size(request)
        place = pages.place(request, parts=1)
        found = await self._views.items(
            before=pages.identifier(place[0]) if place else "",
            limit=size + 1,
            state=wire.state_of(request.state),
            account=request.account,
        )
        page = found[:size]
        more = len(found) > size
        return intake_service_pb2.ListItemsResponse(
            items=[wire.item_message(item) for item in page],
            next_page_token=pages.token(request, page[-1].item_id) if more else "",
        )

    async def ReplayItem(
        self, request: intake_service_pb2.ReplayItemRequest, context: _Context
    ) -> item_pb2.Item:
        """Let a quarantined item be read again."""
        async with self._open_unit() as unit:
            await replay_item(unit, ReplayItem(item_id=request.name.removeprefix("items/")))
        self._requeued()
        return wire.item_message(await self._item(request.name))

    async def GetLedger(
        self, request: intake_service_pb2.GetLedgerRequest, context: _Context
    ) -> intake_service_pb2.Ledger:
        """Show the balance of each channel account."""
        return wire.ledger_message(await self._views.ledger())

    async def CreateChannelAccount(
        self, request: intake_service_pb2.CreateChannelAccountRequest, context: _Context
    ) -> item_pb2.ChannelAccount:
        """Add a channel account."""
        async with self._database.transaction() as transaction:
            once = await replay.begin(transaction, request)
            if once.earlier is not None:
                return item_pb2.ChannelAccount.FromString(once.earlier)
            account = wire.account_of(request.channel_account)
            added = await create_channel_account(self._unit_of(transaction), account)
            response = wire.account_message(added)
            await once.remember(transaction, response)
        self._accounts_changed()
        return response

    async def ListChannelAccounts(
        self, request: intake_service_pb2.ListChannelAccountsRequest, context: _Context
    ) -> intake_service_pb2.ListChannelAccountsResponse:
        """List channel accounts by name."""
        size = pages.size(request)
        place = pages.place(request, parts=1)
        found = await self._views.accounts(after=place[0] if place else "", limit=size + 1)
        page = found[:size]
        more = len(found) > size
        return intake_service_pb2.ListChannelAccountsResponse(
            channel_accounts=[wire.account_message(account) for account in page],
            next_page_token=pages.token(request, page[-1].name) if more else "",
        )

    async def _item(self, name: str) -> LedgerItem:
        item = await self._views.item(name.removeprefix("items/"))
        caller = auth.principal()
        if item is None or (caller.kind == "partner" and item.partner_id != caller.id):
            raise ItemNotFound(name)
        return item


class AttachmentApi(AttachmentServiceServicer):
    """Streams the files that came with messages."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def DownloadAttachment(
        self, request: attachment_service_pb2.DownloadAttachmentRequest, context: _Context
    ) -> AsyncIterator[attachment_service_pb2.AttachmentChunk]:
        """Stream a file; a customer gets those of the own conversation only."""
        attachment_id = request.name.removeprefix("attachments/")
        found = await self._views.file(attachment_id)
        caller = auth.principal()
        if found is None or (caller.kind == "customer" and caller.conversation_id != found[1]):
            raise AttachmentNotFound(request.name)
        stored, _ = found
        (reference,) = wire.file_messages([stored])
        yield attachment_service_pb2.AttachmentChunk(reference=reference)
        for offset in range(0, stored.size_bytes, PIECE_BYTES):
            data = await self._views.piece(attachment_id, offset=offset, size=PIECE_BYTES)
            yield attachment_service_pb2.AttachmentChunk(data=data)
