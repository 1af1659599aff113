"""Who is who in intake: the one place that knows every concrete part."""

import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack

from fastapi import FastAPI

from otklik.intake.v1.attachment_service_pb2_grpc import add_AttachmentServiceServicer_to_server
from otklik.intake.v1.intake_service_pb2_grpc import add_IntakeServiceServicer_to_server
from otklik.ops.v1.ops_service_pb2_grpc import OpsServiceStub, add_OpsServiceServicer_to_server
from otklik.tickets.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from otklik_intake.adapters.account_directory import RememberedAccounts
from otklik_intake.adapters.catalogue import RememberedCatalogue
from otklik_intake.adapters.isolated_parser import IsolatedParser
from otklik_intake.adapters.parsing import Parsing
from otklik_intake.adapters.thread_tokens import ThreadTokens
from otklik_intake.adapters.unit_of_work import IntakeUnit, unit_opener
from otklik_intake.adapters.views import PostgresViews
from otklik_intake.entrypoints.form_pages import CONTENT_SECURITY_POLICY, FormPages
from otklik_intake.entrypoints.grpc_api import AttachmentApi, IntakeApi
from otklik_intake.entrypoints.http_api import HttpApi
from otklik_intake.entrypoints.ledger_watch import ledger_watch
from otklik_intake.entrypoints.rate_limit import RateLimit
from otklik_intake.entrypoints.reader import Reader
from otklik_intake.entrypoints.reception import Reception
from otklik_intake.entrypoints.smtp import SmtpServer, tls_context
from otklik_intake.entrypoints.submission_door import SubmissionDoor
from otklik_intake.entrypoints.subscriptions import OWNER, subscription
from otklik_intake.handlers.receive import receive
from otklik_intake.ports import AccountDirectory, Catalogue
from otklik_intake.settings import Settings
from otklik_runtime.bus import Bus
from otklik_runtime.database import Database
from otklik_runtime.grpc_client import GrpcClients
from otklik_runtime.grpc_server import GrpcServer, Service
from otklik_runtime.health import Entrypoint
from otklik_runtime.http_app import HttpServer, http_app
from otklik_runtime.i18n import Catalogue as Texts
from otklik_runtime.key_ring import KeyRing
from otklik_runtime.ops_service import OpsService, reader_of_gaps
from otklik_runtime.outbox import Relay

# What a request holds beside its files: the other fields and the borders between the parts.
_FORM_OVERHEAD = 512 * 1024


async def bootstrap(settings: Settings, stack: AsyncExitStack) -> Sequence[Entrypoint]:
    """Build intake, outermost parts first: in this order they are drained."""
    bus = await Bus.open(
        settings.nats_url,
        stack,
        user=settings.nats_user,
        password=settings.nats_password.get_secret_value(),
    )
    database = await Database.open(
        settings.database_url, stack, service="intake", wake=bus.waker("intake")
    )
    clients = GrpcClients(settings, stack)
    open_unit = unit_opener(database)
    views = PostgresViews(database)
    accounts = RememberedAccounts(database)
    catalogue = RememberedCatalogue(clients.stub(CatalogueServiceStub, OWNER))
    isolated = IsolatedParser()
    stack.push_async_callback(isolated.close)
    reader = Reader(
        open_unit,
        Parsing(isolated),
        conversation_of=ThreadTokens(KeyRing.load(settings.key_ring_file)).conversation_of,
    )
    reception = Reception(open_unit, receive, stored=reader.wake)
    door = SubmissionDoor(reception, accounts, catalogue)
    heard = subscription(
        bus,
        database,
        unit_of=IntakeUnit,
        read_events=reader_of_gaps(clients.stub(OpsServiceStub, OWNER), OWNER),
    )
    api = IntakeApi(
        door=door,
        views=views,
        open_unit=open_unit,
        database=database,
        unit_of=IntakeUnit,
        requeued=reader.wake,
        accounts_changed=accounts.forget,
    )
    services: list[Service] = [
        (add_IntakeServiceServicer_to_server, api),
        (add_AttachmentServiceServicer_to_server, AttachmentApi(views)),
        (add_OpsServiceServicer_to_server, OpsService(database, [heard])),
    ]
    return [
        SmtpServer(
            reception,
            accounts,
            host=settings.smtp_host or settings.host,
            port=settings.smtp_port,
            hostname=settings.smtp_hostname or socket.getfqdn(),
            max_bytes=settings.max_message_bytes,
            tls=tls_context(settings.smtp_certificate_file, settings.smtp_private_key_file),
        ),
        HttpServer(_http(settings, door, accounts, catalogue), settings),
        GrpcServer(settings, services=services, database=database),
        reader,
        heard,
        ledger_watch(views, open_unit),
        Relay(bus, settings.database_direct_url, service="intake"),
    ]


def _http(
    settings: Settings, door: SubmissionDoor, accounts: AccountDirectory, catalogue: Catalogue
) -> FastAPI:
    pages = FormPages(Texts.load("otklik_intake"), max_bytes=settings.max_message_bytes)
    app = http_app(
        settings,
        "Otklik intake",
        content_security_policy=CONTENT_SECURITY_POLICY,
        max_body_bytes=settings.max_message_bytes + _FORM_OVERHEAD,
        page=pages.problem,
    )
    api = HttpApi(
        door=door,
        pages=pages,
        accounts=accounts,
        catalogue=catalogue,
        limit=RateLimit(settings.requests_per_minute),
    )
    app.include_router(api.router)
    return app
