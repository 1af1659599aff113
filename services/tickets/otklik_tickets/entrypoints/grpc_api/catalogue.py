"""CatalogueService: services, request types with their state matrix, the priority matrix."""

from collections.abc import Callable
from typing import Any

import grpc

from otklik.tickets.v1 import catalogue_pb2
from otklik.tickets.v1 import catalogue_service_pb2 as pb
from otklik.tickets.v1.catalogue_service_pb2_grpc import CatalogueServiceServicer
from otklik_runtime import pages, replay
from otklik_runtime.database import Database, Transaction
from otklik_tickets import handlers
from otklik_tickets.domain.errors import RequestTypeNotFound, ServiceNotFound
from otklik_tickets.ports import CatalogueViews, UnitOfWork
from otklik_tickets.wire import catalogue as wire

_Context = grpc.aio.ServicerContext[Any, Any]


class CatalogueApi(CatalogueServiceServicer):
    """Serves the catalogue."""

    def __init__(
        self,
        database: Database,
        unit_of: Callable[[Transaction], UnitOfWork],
        *,
        views: CatalogueViews,
    ) -> None:
        self._database = database
        self._unit_of = unit_of
        self._views = views

    async def CreateRequestType(
        self, request: pb.CreateRequestTypeRequest, context: _Context
    ) -> catalogue_pb2.RequestType:
        """Add a request type with its state matrix."""
        request_type = wire.request_type_of(request.request_type)
        async with self._database.transaction() as tx:
            once = await replay.begin(tx, request)
            if once.earlier is not None:
                return catalogue_pb2.RequestType.FromString(once.earlier)
            kept = await handlers.create_request_type(self._unit_of(tx), request_type)
            response = wire.request_type_message(kept)
            await once.remember(tx, response)
        return response

    async def GetRequestType(
        self, request: pb.GetRequestTypeRequest, context: _Context
    ) -> catalogue_pb2.RequestType:
        """Get one request type."""
        found = (await self._views.catalogue()).request_types.get(request.name)
        if found is None:
            raise RequestTypeNotFound(request.name)
        return wire.request_type_message(found)

    async def CreateService(
        self, request: pb.CreateServiceRequest, context: _Context
    ) -> catalogue_pb2.Service:
        """Add a service."""
        service = wire.service_of(request.service)
        async with self._database.transaction() as tx:
            once = await replay.begin(tx, request)
            if once.earlier is not None:
                return catalogue_pb2.Service.FromString(once.earlier)
            kept = await handlers.create_service(self._unit_of(tx), service)
            response = wire.service_message(kept)
            await once.remember(tx, response)
        return response

    async def GetService(
        self, request: pb.GetServiceRequest, context: _Context
    ) -> catalogue_pb2.Service:
        """Get one service."""
        found = (await self._views.catalogue()).services.get(request.name)
        if found is None:
            raise ServiceNotFound(request.name)
        return wire.service_message(found)

    async def ListServices(
        self, request: pb.ListServicesRequest, context: _Context
    ) -> pb.ListServicesResponse:
        """List services by name."""
        place = pages.place(request, parts=1)
        services = (await self._views.catalogue()).services
        names = sorted(name for name in services if not place or name > place[0])
        size = pages.size(request)
        more = len(names) > size
        return pb.ListServicesResponse(
            services=[wire.service_message(services[name]) for name in names[:size]],
            next_page_token=pages.token(request, names[size - 1]) if more else "",
        )

    async def UpdatePriorityMatrix(
        self, request: pb.UpdatePriorityMatrixRequest, context: _Context
    ) -> catalogue_pb2.PriorityMatrix:
        """Set the priority matrix."""
        matrix = wire.priorities_of(request.priority_matrix)
        async with self._database.transaction() as tx:
            kept = await handlers.update_priority_matrix(self._unit_of(tx), matrix)
        return wire.priorities_message(kept)
