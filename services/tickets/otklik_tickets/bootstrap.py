"""Who is who in tickets: the one place that knows every concrete part."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from otklik.ops.v1.ops_service_pb2_grpc import OpsServiceStub, add_OpsServiceServicer_to_server
from otklik.tickets.v1.catalogue_service_pb2_grpc import add_CatalogueServiceServicer_to_server
from otklik.tickets.v1.directory_service_pb2_grpc import add_DirectoryServiceServicer_to_server
from otklik.tickets.v1.identity_service_pb2_grpc import add_IdentityServiceServicer_to_server
from otklik.tickets.v1.ticket_service_pb2_grpc import add_TicketServiceServicer_to_server
from otklik_runtime.auth import TokenIssuer
from otklik_runtime.bus import Bus
from otklik_runtime.database import Database, Transaction
from otklik_runtime.errors import CannotStart
from otklik_runtime.grpc_client import GrpcClients
from otklik_runtime.grpc_server import GrpcServer, Service
from otklik_runtime.health import Entrypoint
from otklik_runtime.http_server import HttpServer, probe_app
from otklik_runtime.key_ring import KeyRing
from otklik_runtime.ops_service import OpsService, reader_of_gaps
from otklik_runtime.outbox import Relay
from otklik_tickets.adapters.proofs import CheckedProofs, load_service_keys
from otklik_tickets.adapters.repository import CatalogueCopy
from otklik_tickets.adapters.staff_issuer import StaffIssuer
from otklik_tickets.adapters.unit_of_work import PostgresUnitOfWork
from otklik_tickets.adapters.views import (
    PostgresCatalogueViews,
    PostgresDirectoryViews,
    PostgresTicketViews,
)
from otklik_tickets.entrypoints.grpc_api import (
    CatalogueApi,
    DirectoryApi,
    IdentityApi,
    SessionLives,
    TicketApi,
)
from otklik_tickets.entrypoints.http_api import documents
from otklik_tickets.entrypoints.subscriptions import HEARD, subscriptions
from otklik_tickets.settings import Settings


async def bootstrap(settings: Settings, stack: AsyncExitStack) -> Sequence[Entrypoint]:
    """Build tickets, outermost parts first: in this order they are drained."""
    issuer = TokenIssuer.load(_given(settings.signing_key_file, settings, "signing_key_file"))
    bus = await Bus.open(
        settings.nats_url,
        stack,
        user=settings.nats_user,
        password=settings.nats_password.get_secret_value(),
    )
    database = await Database.open(
        settings.database_url, stack, service="tickets", wake=bus.waker("tickets")
    )
    copy = CatalogueCopy()

    def unit_of(transaction: Transaction) -> PostgresUnitOfWork:
        return PostgresUnitOfWork(transaction, copy)

    clients = GrpcClients(settings, stack)
    readers = subscriptions(
        bus,
        database,
        unit_of=unit_of,
        readers={
            owner: reader_of_gaps(clients.stub(OpsServiceStub, owner), owner) for owner in HEARD
        },
    )
    catalogue = PostgresCatalogueViews(database, copy)
    services: list[Service] = [
        (
            add_TicketServiceServicer_to_server,
            TicketApi(database, unit_of, views=PostgresTicketViews(database), catalogue=catalogue),
        ),
        (
            add_DirectoryServiceServicer_to_server,
            DirectoryApi(
                database, unit_of, views=PostgresDirectoryViews(database), catalogue=catalogue
            ),
        ),
        (
            add_CatalogueServiceServicer_to_server,
            CatalogueApi(database, unit_of, views=catalogue),
        ),
        (
            add_IdentityServiceServicer_to_server,
            IdentityApi(
                database,
                unit_of,
                proofs=_proofs(settings),
                issuer=issuer,
                lives=_lives(settings),
            ),
        ),
        (add_OpsServiceServicer_to_server, OpsService(database, readers)),
    ]
    return [
        GrpcServer(settings, services=services, database=database, verifier=issuer),
        *readers,
        Relay(bus, settings.database_direct_url, service="tickets"),
        HttpServer(probe_app(documents(issuer)), settings),
    ]


def _proofs(settings: Settings) -> CheckedProofs:
    return CheckedProofs(
        issuer=StaffIssuer(settings.staff_issuer_url, audience=settings.staff_audience),
        service_keys=load_service_keys(settings.service_keys_file),
        key_ring=KeyRing.load(settings.key_ring_file),
    )


def _lives(settings: Settings) -> SessionLives:
    return SessionLives(
        staff=timedelta(hours=settings.staff_session_hours),
        customer=timedelta(days=settings.customer_session_days),
        bootstrap_subject=settings.bootstrap_admin_subject,
    )


def _given(path: Path | None, settings: Settings, field: str) -> Path:
    if path is None:
        raise CannotStart(f"set {settings.variable(field)}")
    return path
