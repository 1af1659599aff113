"""Who is who in feedback: the one place that knows every concrete part."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

from otklik.feedback.v1.feedback_service_pb2_grpc import add_FeedbackServiceServicer_to_server
from otklik.ops.v1.ops_service_pb2_grpc import (
    OpsServiceStub,
    add_OpsServiceServicer_to_server,
)
from otklik_feedback.adapters.links import SignedLinks
from otklik_feedback.adapters.unit_of_work import FeedbackUnit
from otklik_feedback.adapters.views import PostgresSurveyViews
from otklik_feedback.entrypoints.grpc_api import FeedbackApi
from otklik_feedback.entrypoints.http_api import RatingSite, rating_app
from otklik_feedback.entrypoints.rating_pages import RatingPages
from otklik_feedback.entrypoints.subscriptions import HEARD, subscriptions
from otklik_feedback.settings import Settings
from otklik_runtime.bus import Bus
from otklik_runtime.database import Database
from otklik_runtime.grpc_client import GrpcClients
from otklik_runtime.grpc_server import GrpcServer, Service
from otklik_runtime.health import Entrypoint
from otklik_runtime.http_server import HttpServer
from otklik_runtime.i18n import Catalogue
from otklik_runtime.key_ring import KeyRing
from otklik_runtime.ops_service import OpsService, reader_of_gaps
from otklik_runtime.outbox import Relay


async def bootstrap(settings: Settings, stack: AsyncExitStack) -> Sequence[Entrypoint]:
    """Build feedback, outermost parts first: in this order they are drained."""
    bus = await Bus.open(
        settings.nats_url,
        stack,
        user=settings.nats_user,
        password=settings.nats_password.get_secret_value(),
    )
    database = await Database.open(
        settings.database_url, stack, service="feedback", wake=bus.waker("feedback")
    )
    links = SignedLinks(KeyRing.load(settings.key_ring_file))
    clients = GrpcClients(settings, stack)
    readers = subscriptions(
        bus,
        database,
        unit_of=FeedbackUnit,
        survey_life=timedelta(days=settings.survey_days),
        readers={
            owner: reader_of_gaps(clients.stub(OpsServiceStub, owner), owner) for owner in HEARD
        },
    )
    api = FeedbackApi(database, PostgresSurveyViews(database), unit_of=FeedbackUnit, links=links)
    services: list[Service] = [
        (add_FeedbackServiceServicer_to_server, api),
        (add_OpsServiceServicer_to_server, OpsService(database, readers)),
    ]
    site = RatingSite(
        database,
        RatingPages(Catalogue.load("otklik_feedback")),
        unit_of=FeedbackUnit,
        links=links,
    )
    return [
        HttpServer(rating_app(settings, site), settings),
        GrpcServer(settings, services=services, database=database),
        *readers,
        Relay(bus, settings.database_direct_url, service="feedback"),
    ]
