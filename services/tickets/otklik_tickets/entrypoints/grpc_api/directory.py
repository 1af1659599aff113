"""DirectoryService: customers, segments, agents and partners."""

from collections.abc import Callable
from typing import Any

import grpc

from otklik.tickets.v1 import directory_pb2
from otklik.tickets.v1 import directory_service_pb2 as pb
from otklik.tickets.v1.directory_service_pb2_grpc import DirectoryServiceServicer
from otklik_runtime import keys, pages, replay
from otklik_runtime.database import Database, Transaction
from otklik_runtime.errors import InvalidInput
from otklik_tickets import handlers
from otklik_tickets.entrypoints.grpc_api.callers import actor
from otklik_tickets.ports import CatalogueViews, DirectoryViews, UnitOfWork
from otklik_tickets.wire import directory as wire
from otklik_tickets.wire.scalars import id_of

_Context = grpc.aio.ServicerContext[Any, Any]


class DirectoryApi(DirectoryServiceServicer):
    """Serves the people and systems the desk knows."""

    def __init__(
        self,
        database: Database,
        unit_of: Callable[[Transaction], UnitOfWork],
        *,
        views: DirectoryViews,
        catalogue: CatalogueViews,
    ) -> None:
        self._database = database
        self._unit_of = unit_of
        self._views = views
        self._catalogue = catalogue

    async def CreateCustomer(
        self, request: pb.CreateCustomerRequest, context: _Context
    ) -> directory_pb2.Customer:
        """Add a customer."""
        command = wire.create_customer(request.customer, actor())
        async with self._database.transaction() as tx:
            once = await replay.begin(tx, request)
            if once.earlier is not None:
                return directory_pb2.Customer.FromString(once.earlier)
            customer = await handlers.create_customer(self._unit_of(tx), command)
            response = wire.customer_message(customer)
            await once.remember(tx, response)
        return response

    async def GetCustomer(
        self, request: pb.GetCustomerRequest, context: _Context
    ) -> directory_pb2.Customer:
        """Get one customer."""
        customer_id = id_of(request.name, "customers", field="name")
        return wire.customer_message(await self._views.customer(customer_id))

    async def ListCustomers(
        self, request: pb.ListCustomersRequest, context: _Context
    ) -> pb.ListCustomersResponse:
        """List customers, newest first."""
        place = pages.place(request, parts=1)
        page = await self._views.customers(
            address=request.address,
            after_id=pages.identifier(place[0]) if place else "",
            size=pages.size(request),
        )
        return pb.ListCustomersResponse(
            customers=[wire.customer_message(customer) for customer in page.rows],
            next_page_token=pages.token(request, page.rows[-1].id) if page.more else "",
        )

    async def CreateSegment(
        self, request: pb.CreateSegmentRequest, context: _Context
    ) -> directory_pb2.Segment:
        """Add a segment."""
        segment = wire.segment_of(request.segment)
        async with self._database.transaction() as tx:
            once = await replay.begin(tx, request)
            if once.earlier is not None:
                return directory_pb2.Segment.FromString(once.earlier)
            kept = await handlers.create_segment(self._unit_of(tx), segment)
            response = wire.segment_message(kept)
            await once.remember(tx, response)
        return response

    async def ListSegments(
        self, request: pb.ListSegmentsRequest, context: _Context
    ) -> pb.ListSegmentsResponse:
        """List segments by name."""
        place = pages.place(request, parts=1)
        segments = (await self._catalogue.catalogue()).segments
        names = sorted(name for name in segments if not place or name > place[0])
        size = pages.size(request)
        more = len(names) > size
        return pb.ListSegmentsResponse(
            segments=[wire.segment_message(segments[name]) for name in names[:size]],
            next_page_token=pages.token(request, names[size - 1]) if more else "",
        )

    async def CreateAgent(
        self, request: pb.CreateAgentRequest, context: _Context
    ) -> directory_pb2.Agent:
        """Add an agent."""
        asked = request.agent
        async with self._database.transaction() as tx:
            once = await replay.begin(tx, request)
            if once.earlier is not None:
                return directory_pb2.Agent.FromString(once.earlier)
            agent = await handlers.create_agent(
                self._unit_of(tx),
                display_name=asked.display_name,
                subject=asked.subject,
                roles=tuple(dict.fromkeys(asked.roles)),
                locale=asked.locale,
            )
            response = wire.agent_message(agent)
            await once.remember(tx, response)
        return response

    async def ListAgents(
        self, request: pb.ListAgentsRequest, context: _Context
    ) -> pb.ListAgentsResponse:
        """List agents by name."""
        place = pages.place(request, parts=2)
        page = await self._views.agents(
            after_name=place[0] if place else "",
            after_id=pages.identifier(place[1]) if place else "",
            size=pages.size(request),
        )
        token = ""
        if page.more:
            token = pages.token(request, page.rows[-1].display_name, page.rows[-1].id)
        return pb.ListAgentsResponse(
            agents=[wire.agent_message(agent) for agent in page.rows], next_page_token=token
        )

    async def CreatePartner(
        self, request: pb.CreatePartnerRequest, context: _Context
    ) -> directory_pb2.Partner:
        """Add a partner system."""
        asked = request.partner
        try:
            keys.read_public(asked.public_key_pem)
        except keys.KeyRefused as error:
            raise InvalidInput(
                "public_key_pem",
                "This must be an Ed25519 public key in PEM form.",
                field="partner.public_key_pem",
            ) from error
        async with self._database.transaction() as tx:
            once = await replay.begin(tx, request)
            if once.earlier is not None:
                return directory_pb2.Partner.FromString(once.earlier)
            partner = await handlers.create_partner(
                self._unit_of(tx),
                display_name=asked.display_name,
                public_key_pem=asked.public_key_pem,
            )
            response = wire.partner_message(partner)
            await once.remember(tx, response)
        return response
