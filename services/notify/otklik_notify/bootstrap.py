"""Who is who in notify: the one place that knows every concrete part."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

from otklik.notify.v1.notify_service_pb2_grpc import add_NotifyServiceServicer_to_server
from otklik.ops.v1.ops_service_pb2_grpc import (
    OpsServiceStub,
    add_OpsServiceServicer_to_server,
)
from otklik_notify.adapters.links import SignedLinks
from otklik_notify.adapters.smtp import Server, SmtpCarrier
from otklik_notify.adapters.texts import FileTexts
from otklik_notify.adapters.unit_of_work import NotifyUnit
from otklik_notify.adapters.views import PostgresDeliveryViews
from otklik_notify.entrypoints.acknowledger import acknowledger
from otklik_notify.entrypoints.grpc_api import NotifyApi
from otklik_notify.entrypoints.sender import Sender
from otklik_notify.entrypoints.subscriptions import HEARD, subscriptions
from otklik_notify.ports import Desk
from otklik_notify.settings import Settings
from otklik_runtime.bus import Bus
from otklik_runtime.database import Database
from otklik_runtime.grpc_client import GrpcClients
from otklik_runtime.grpc_server import GrpcServer, Service
from otklik_runtime.health import Entrypoint
from otklik_runtime.http_server import HttpServer, probe_app
from otklik_runtime.i18n import Catalogue
from otklik_runtime.key_ring import KeyRing
from otklik_runtime.ops_service import OpsService, reader_of_gaps
from otklik_runtime.outbox import Relay


async def bootstrap(settings: Settings, stack: AsyncExitStack) -> Sequence[Entrypoint]:
    """Build notify, outermost parts first: in this order they are drained."""
    bus = await Bus.open(
        settings.nats_url,
        stack,
        user=settings.nats_user,
        password=settings.nats_password.get_secret_value(),
    )
    database = await Database.open(
        settings.database_url, stack, service="notify", wake=bus.waker("notify")
    )
    desk = Desk(
        texts=FileTexts(Catalogue.load("otklik_notify")),
        links=SignedLinks(
            KeyRing.load(settings.key_ring_file),
            desk_url=settings.desk_public_url,
            feedback_url=settings.feedback_public_url,
        ),
        patience=timedelta(seconds=settings.acknowledgement_wait_seconds),
        automatic_limit=settings.automatic_limit,
    )
    sender = Sender(
        database,
        unit_of=NotifyUnit,
        carrier=SmtpCarrier.open(_server(settings), stack),
        hands=settings.smtp_connections,
        lease=timedelta(seconds=settings.lease_seconds),
    )
    clients = GrpcClients(settings, stack)
    readers = subscriptions(
        bus,
        database,
        unit_of=NotifyUnit,
        desk=desk,
        queued=sender.wake,
        readers={
            owner: reader_of_gaps(clients.stub(OpsServiceStub, owner), owner) for owner in HEARD
        },
    )
    services: list[Service] = [
        (add_NotifyServiceServicer_to_server, NotifyApi(PostgresDeliveryViews(database))),
        (add_OpsServiceServicer_to_server, OpsService(database, readers)),
    ]
    return [
        GrpcServer(settings, services=services, database=database),
        *readers,
        acknowledger(database, unit_of=NotifyUnit, desk=desk, queued=sender.wake),
        sender,
        Relay(bus, settings.database_direct_url, service="notify"),
        HttpServer(probe_app(), settings),
    ]


def _server(settings: Settings) -> Server:
    return Server(
        host=settings.smtp_host,
        port=settings.smtp_port,
        encryption=settings.smtp_protection,
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value(),
        local_hostname=settings.smtp_hostname,
        timeout=settings.smtp_timeout_seconds,
    )
