"""NotifyService: whether a customer was told, and what."""

from typing import Any

import grpc

from otklik.notify.v1 import delivery_pb2, notify_service_pb2
from otklik.notify.v1.notify_service_pb2_grpc import NotifyServiceServicer
from otklik_notify import wire
from otklik_notify.ports import DeliveryViews, Place
from otklik_runtime import pages

_Context = grpc.aio.ServicerContext[Any, Any]


class NotifyApi(NotifyServiceServicer):
    """Shows deliveries; nobody can change them."""

    def __init__(self, views: DeliveryViews) -> None:
        self._views = views

    async def ListDeliveries(
        self, request: notify_service_pb2.ListDeliveriesRequest, context: _Context
    ) -> notify_service_pb2.ListDeliveriesResponse:
        """List deliveries, newest first."""
        size = pages.size(request)
        place = pages.place(request, parts=2)
        found = await self._views.page(
            after=Place(created_at=pages.instant(place[0]), delivery_id=pages.identifier(place[1]))
            if place
            else None,
            limit=size + 1,
            conversation_id=request.conversation_id,
            state=wire.state_asked(request.state),
        )
        page = found[:size]
        token = ""
        if len(found) > size:
            last, _ = page[-1]
            token = pages.token(request, last.created_at.isoformat(), last.id)
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
