"""Who is who in sla: the one place that knows every concrete part."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

from otklik.ops.v1.ops_service_pb2_grpc import OpsServiceStub, add_OpsServiceServicer_to_server
from otklik.sla.v1.sla_service_pb2_grpc import add_SlaServiceServicer_to_server
from otklik_runtime.bus import Bus
from otklik_runtime.database import Database
from otklik_runtime.grpc_client import GrpcClients
from otklik_runtime.grpc_server import GrpcServer, Service
from otklik_runtime.health import Entrypoint
from otklik_runtime.http_server import HttpServer, probe_app
from otklik_runtime.ops_service import OpsService, reader_of_gaps
from otklik_runtime.outbox import Relay
from otklik_sla.adapters.unit_of_work import SlaUnit
from otklik_sla.adapters.views import PostgresViews
from otklik_sla.entrypoints.grpc_api import SlaApi
from otklik_sla.entrypoints.subscriptions import HEARD, subscriptions
from otklik_sla.entrypoints.ticker import ticker
from otklik_sla.settings import Settings


async def bootstrap(settings: Settings, stack: AsyncExitStack) -> Sequence[Entrypoint]:
    """Build sla, outermost parts first: in this order they are drained."""
    bus = await Bus.open(
        settings.nats_url,
        stack,
        user=settings.nats_user,
        password=settings.nats_password.get_secret_value(),
    )
    database = await Database.open(
        settings.database_url, stack, service="sla", wake=bus.waker("sla")
    )
    clients = GrpcClients(settings, stack)
    readers = subscriptions(
        bus,
        database,
        unit_of=SlaUnit,
        readers={
            owner: reader_of_gaps(clients.stub(OpsServiceStub, owner), owner) for owner in HEARD
        },
    )
    api = SlaApi(database, unit_of=SlaUnit, views=PostgresViews(database))
    services: list[Service] = [
        (add_SlaServiceServicer_to_server, api),
        (add_OpsServiceServicer_to_server, OpsService(database, readers)),
    ]
    return [
        GrpcServer(settings, services=services, database=database),
        *readers,
        ticker(database, unit_of=SlaUnit, every_seconds=settings.tick_seconds),
        Relay(bus, settings.database_direct_url, service="sla"),
        HttpServer(probe_app(), settings),
    ]
