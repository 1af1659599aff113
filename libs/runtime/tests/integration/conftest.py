"""A sample service over real sockets: every test here calls it as the world would."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import grpc
import pytest

from otklik.ops.v1 import ops_service_pb2 as pb
from otklik.ops.v1.ops_service_pb2_grpc import OpsServiceServicer, add_OpsServiceServicer_to_server
from otklik.tickets.v1 import identity_service_pb2 as identity_pb
from otklik.tickets.v1.identity_service_pb2_grpc import (
    IdentityServiceServicer,
    add_IdentityServiceServicer_to_server,
)
from otklik_runtime import assertions, auth, env, health, keys
from otklik_runtime.auth import Principal, TokenIssuer
from otklik_runtime.grpc_server import GrpcServer


class Settings(env.Settings):
    service: ClassVar[str] = "sample"


class Sample(OpsServiceServicer):
    """Does in each method what the test says."""

    def __init__(self) -> None:
        self.get: Callable[[Any], Awaitable[Any]] = self.answer
        self.read: Callable[[Any], AsyncIterator[Any]] | None = None

    async def answer(self, request: pb.GetDeadLetterRequest) -> pb.DeadLetter:
        return pb.DeadLetter(name=request.name, reason=auth.principal().actor)

    async def GetDeadLetter(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self.get(request)

    async def ReadEvents(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        assert self.read is not None
        async for event in self.read(request):
            yield event


class Identity(IdentityServiceServicer):
    """Exchanges the assertions of services it knows."""

    def __init__(self, issuer: TokenIssuer, known: dict[str, keys.PublicKey]) -> None:
        self.issuer = issuer
        self.known = known
        self.exchanges = 0

    async def ExchangeToken(self, request: Any, context: Any) -> Any:  # noqa: N802
        name = assertions.claimed_name(request.subject_token)
        assertions.verify(request.subject_token, self.known[name])
        self.exchanges += 1
        token = self.issuer.issue(Principal("service", name, frozenset({"service"})))
        answer = identity_pb.ExchangeTokenResponse(access_token=token, principal=name)
        answer.expires_in.FromSeconds(300)
        return answer


@dataclass
class Served:
    """The sample service, running."""

    server: GrpcServer
    sample: Sample
    identity: Identity
    issuer: TokenIssuer
    settings: Settings
    state: health.Health
    channel: grpc.aio.Channel
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def token(self, *roles: str, kind: auth.PrincipalKind = "agent", name: str = "a-1") -> str:
        return self.issuer.issue(Principal(kind, name, frozenset(roles)))

    def metadata(self, *roles: str) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.token(*roles)}"),)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """Serve the sample service and its identity service on one free port."""
    key, own = keys.generate(), keys.generate()
    keys.save_private(own, tmp_path / "sample.pem")
    issuer = TokenIssuer([key])
    state = health.begin()
    sample, identity = Sample(), Identity(issuer, {"sample": own.public_key()})
    settings = Settings(environment="development", private_key_file=tmp_path / "sample.pem")
    server = GrpcServer(
        settings,
        [
            (add_OpsServiceServicer_to_server, sample),
            (add_IdentityServiceServicer_to_server, identity),
        ],
        verifier=issuer,
    )
    address = f"127.0.0.1:{server.port}"
    settings = settings.model_copy(
        update={"identity_address": address, "grpc_addresses": {"sample": address}},
    )
    state.watch([server])
    running = asyncio.create_task(server.run())
    async with AsyncExitStack() as stack, grpc.aio.insecure_channel(address) as channel:
        yield Served(server, sample, identity, issuer, settings, state, channel, stack)
    await server.drain()
    await running
