"""The gRPC server of a process: the services it is given, health and reflection.

Every method has a row in `proto/flows.yaml`, or the server does not start.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import grpc
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from sqlalchemy.ext.asyncio import AsyncConnection

from otklik_runtime import auth, grpc_health, grpc_reflection, grpc_tls, health, replay
from otklik_runtime.access import Access
from otklik_runtime.env import Settings
from otklik_runtime.errors import CannotStart, OtklikError
from otklik_runtime.grpc_calls import Calls, Handler
from otklik_runtime.jwks import JwksVerifier

# The generated `add_XServicer_to_server`, and the servicer to add.
Service = tuple[Callable[[Any, Any], None], object]

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
MAX_CONCURRENT_CALLS = 512
CONNECTION_AGE_MILLISECONDS = 5 * 60 * 1000
FORGET_EVERY_SECONDS = 3600.0
_SILENT = ("grpc.health.", "grpc.reflection.")


_LOG = logging.getLogger(__name__)


class Transaction(Protocol):
    """What forgetting needs of a transaction."""

    @property
    def connection(self) -> AsyncConnection:
        """For statements in it."""
        ...

    @property
    def now(self) -> Any:
        """Its time."""
        ...


class Database(Protocol):
    """What the server needs of a database: to forget old answers."""

    def transaction(self) -> contextlib.AbstractAsyncContextManager[Transaction]:
        """Open a transaction."""
        ...


class GrpcServer:
    """Serves gRPC; an Entrypoint."""

    name = "grpc"

    def __init__(
        self,
        settings: Settings,
        services: Iterable[Service],
        *,
        database: Database | None = None,
        verifier: auth.Verifier | None = None,
        access: Access | None = None,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        max_concurrent_calls: int = MAX_CONCURRENT_CALLS,
    ) -> None:
        """Register the services and take the port.

        Args:
            settings: Where to listen, whom to believe.
            services: Pairs of `add_XServicer_to_server` and a servicer with async methods.
            database: Where answers to repeated requests are kept, to forget the old ones.
            verifier: Knows whose a token is; by the published keys unless given.
            access: Who may call what; the contracts' table unless given.
            max_message_bytes: The largest request taken; files travel in streams.
            max_concurrent_calls: How many are served at once; more are RESOURCE_EXHAUSTED.

        Raises:
            CannotStart: a method without a row, a taken port, no keys to verify with.
        """
        self._settings = settings
        self._database = database
        self._started = False
        self._server = grpc.aio.server(
            options=_options(max_message_bytes),
            maximum_concurrent_rpcs=max_concurrent_calls,
        )
        rules = access or Access.load()
        calls = Calls(verifier or _verifier(settings), rules)
        registrar = _Registrar()
        for add, servicer in services:
            add(servicer, registrar)
        names = frozenset(registrar.services)
        add_health: Callable[[Any, Any], None] = add_HealthServicer_to_server
        add_health(grpc_health.Health(health.current(), names), registrar)
        for version in grpc_reflection.SERVICES:
            described = {grpc_reflection.METHOD: grpc_reflection.handler(sorted(names))}
            registrar.add_registered_method_handlers(version, described)
        rules.require_rows(registrar.methods())
        self._server.add_generic_rpc_handlers(registrar.wrapped(calls))
        self.port = self._listen(settings)

    async def run(self) -> None:
        """Serve until drained."""
        await self._server.start()
        self._started = True
        forgetting = asyncio.create_task(self._forget_old_answers())
        try:
            await self._server.wait_for_termination()
        finally:
            forgetting.cancel()

    async def drain(self) -> None:
        """Tell clients to go elsewhere, take no new call, finish those that are on their way."""
        await self._server.stop(grace=self._settings.drain_seconds * 0.9)

    def ready(self) -> str | None:
        """Say whether it listens."""
        return None if self._started else "does not listen yet"

    def _listen(self, settings: Settings) -> int:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"{host}:{settings.grpc_port}"
        credentials = grpc_tls.server_credentials(settings)
        try:
            if credentials is None:
                return self._server.add_insecure_port(address)
            return self._server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise CannotStart(
                f"gRPC cannot listen on {address}: stop what uses the port, or set "
                f"{settings.variable('grpc_port')}",
            ) from error

    async def _forget_old_answers(self) -> None:
        """Delete answers that nobody can ask for again, hourly; a failure waits for the next."""
        while self._database is not None:
            try:
                forgotten = replay.FORGOTTEN_AT_ONCE
                while forgotten == replay.FORGOTTEN_AT_ONCE:
                    async with self._database.transaction() as tx:
                        forgotten = await replay.forget(tx.connection, tx.now)
            except OtklikError as error:
                _LOG.warning("old answers stay for now", extra={"code": error.code})
            await asyncio.sleep(FORGET_EVERY_SECONDS)


class _Registrar:
    """Stands in for the server while services register, and keeps what they register."""

    def __init__(self) -> None:
        self.services: dict[str, Mapping[str, Handler]] = {}

    def add_generic_rpc_handlers(self, handlers: object) -> None:
        """Leave these: the generated code registers the same methods by name as well."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Handler]) -> None:
        """Keep the methods of one service."""
        self.services[service] = handlers

    def methods(self) -> list[str]:
        """Name every method in full."""
        return [f"{service}/{name}" for service, rows in self.services.items() for name in rows]

    def wrapped(self, calls: Calls) -> list[grpc.GenericRpcHandler]:
        """Give the handlers for the real server, each with everything around it."""
        return [
            grpc.method_handlers_generic_handler(
                service,
                {
                    name: calls.wrapped(
                        f"{service}/{name}",
                        handler,
                        silent=service.startswith(_SILENT),
                    )
                    for name, handler in handlers.items()
                },
            )
            for service, handlers in self.services.items()
        ]


def _verifier(settings: Settings) -> auth.Verifier:
    if not settings.jwks_url:
        raise CannotStart(
            f"nobody can be recognised: set {settings.variable('jwks_url')} to the address of the "
            "published keys",
        )
    return JwksVerifier(settings.jwks_url)


def _options(max_message_bytes: int) -> list[tuple[str, Any]]:
    return [
        # Two processes on one port would share the calls of one of them.
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.max_concurrent_streams", MAX_CONCURRENT_CALLS),
        # Clients balance when they connect: connections end, so that new processes get their share.
        ("grpc.max_connection_age_ms", CONNECTION_AGE_MILLISECONDS),
        ("grpc.max_connection_age_grace_ms", 30_000),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        # Our clients ping every 30 s; the default would call that too many.
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 20_000),
    ]
