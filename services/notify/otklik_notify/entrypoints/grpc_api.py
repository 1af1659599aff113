"""NotifyService: whether a customer was told, and what."""

from datetime import datetime
from typing import Any

import grpc

from otklik.notify.v1 import delivery_pb2, notify_service_pb2
from otklik.notify.v1.notify_service_pb2_grpc import NotifyServiceServicer
from otklik_notify import wire
from otklik_notify.ports import DeliveryViews, Place
from otklik_runtime import ids, pages
from otklik_runtime.errors import InvalidInput

_Context = grpc.aio.ServicerContext[Any, Any]


class NotifyApi(NotifyServiceServicer):
    """Shows deliveries; nobody can change them."""

    def __init__(self, views: DeliveryViews) -> None:
        self._views = views

    async def ListDeliveries(
        self, request: notify_service_pb2.ListDeliveriesRequest, context: _Context
    ) -> notify_service_pb2.ListDeliveriesResponse:
        """List deliveries, newest first."""
        size = pages.size(request.page_size)
        of = f"deliveries {request.conversation_id} {request.state}"
        found = await self._views.page(
            after=_place(request.page_token, of),
            limit=size + 1,
            conversation_id=request.conversation_id,
            state=wire.state_asked(request.state),
        )
        page = found[:size]
        token = ""
        if len(found) > size:
            last, _ = page[-1]
            token = pages.token((last.created_at.isoformat(), last.id), of=of)
        return notify_service_pb2.ListDeliveriesResponse(
            deliveries=[wire.delivery_resource(delivery, mail) for delivery, mail in page],
            next_page_token=token,
        )

    async def GetDelivery(
        self, request: notify_service_pb2.GetDeliveryRequest, context: _Context
    ) -> delivery_pb2.Delivery:
        """Show one delivery with its text."""
        delivery, mail = await self._views.one(request.name.removeprefix("deliveries/"))
        return wire.delivery_resource(delivery, mail)


def _place(page_token: str, of: str) -> Place | None:
    """Read where a page begins.

    Raises:
        InvalidInput: `page_token_invalid`.
    """
    parts = pages.place(page_token, of=of, parts=2)
    if parts is None:
        return None
    try:
        created_at = datetime.fromisoformat(parts[0])
    except ValueError:
        created_at = None
    if created_at is None or created_at.tzinfo is None or not ids.is_id(parts[1]):
        raise InvalidInput(
            "page_token_invalid",
            "page_token is not one of this list: send next_page_token back as it was",
            field="page_token",
        )
    return Place(created_at=created_at, delivery_id=parts[1])
