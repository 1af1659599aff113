"""Who is who at the desk: the one place that knows every concrete part."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from zoneinfo import ZoneInfo

from fastapi import FastAPI

from otklik_desk.adapters.identity import GrpcIdentity
from otklik_desk.adapters.provider import OidcProvider
from otklik_desk.adapters.seals import KeySeals
from otklik_desk.adapters.services import GrpcServices, Names
from otklik_desk.domain.people import Admission
from otklik_desk.entrypoints.http_acts import Acts
from otklik_desk.entrypoints.http_requests import RequestPages
from otklik_desk.entrypoints.http_sign_in import SignInPages
from otklik_desk.entrypoints.http_static import StaticFiles
from otklik_desk.entrypoints.http_tickets import TicketPages
from otklik_desk.entrypoints.pages import Pages
from otklik_desk.entrypoints.problems import ProblemPages
from otklik_desk.entrypoints.sessions import Sessions
from otklik_desk.entrypoints.ticket_page import TicketPage
from otklik_desk.ports import Identity, Provider, Services
from otklik_desk.settings import Settings
from otklik_runtime.clock import SystemClock
from otklik_runtime.grpc_client import GrpcClients
from otklik_runtime.health import Entrypoint
from otklik_runtime.http_app import HttpServer, http_app
from otklik_runtime.i18n import Catalogue


async def bootstrap(settings: Settings, stack: AsyncExitStack) -> Sequence[Entrypoint]:
    """Build the desk."""
    clients = GrpcClients(settings, stack)
    names = Names()
    provider = OidcProvider.open(
        settings.issuer_url,
        stack,
        client_id=settings.client_id,
        client_secret=settings.client_secret.get_secret_value(),
    )
    app = application(
        settings,
        identity=GrpcIdentity(clients),
        provider=provider,
        services_of=lambda person: GrpcServices(clients, names, token=person.access_token),
    )
    return [HttpServer(app, settings)]


def application(
    settings: Settings,
    *,
    identity: Identity,
    provider: Provider,
    services_of: Callable[[Admission], Services],
) -> FastAPI:
    """Put the pages together, on whatever keeps people and tickets.

    Args:
        settings: What the desk was told.
        identity: Exchanges proofs of identity for sessions.
        provider: Signs agents in.
        services_of: Gives the services on behalf of a person.
    """
    seals = KeySeals.load(settings.private_key_file)
    static = StaticFiles()
    sessions = Sessions(identity, seals, secure=settings.secure)
    pages = Pages(
        Catalogue.load("otklik_desk"),
        static,
        zone=ZoneInfo(settings.time_zone),
        now=SystemClock().read,
        secure=settings.secure,
    )
    ticket_page = TicketPage(pages=pages, sessions=sessions)
    app = http_app(settings, "Otklik", page=ProblemPages(pages=pages, sessions=sessions).show)
    for routes in (
        static,
        SignInPages(
            pages=pages,
            sessions=sessions,
            identity=identity,
            provider=provider,
            seals=seals,
            public_url=settings.public_url,
        ),
        TicketPages(
            pages=pages, sessions=sessions, services_of=services_of, ticket_page=ticket_page
        ),
        Acts(pages=pages, sessions=sessions, services_of=services_of, ticket_page=ticket_page),
        RequestPages(pages=pages, sessions=sessions, identity=identity, services_of=services_of),
    ):
        app.include_router(routes.router)
    return app
