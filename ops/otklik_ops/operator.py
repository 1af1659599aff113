"""Calls every service's `OpsService` as the operator who runs the command."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from otklik.ops.v1 import ops_service_pb2_grpc
from otklik.tickets.v1 import identity_service_pb2, identity_service_pb2_grpc
from otklik_ops.settings import Settings
from otklik_runtime.errors import CannotStart
from otklik_runtime.grpc_client import GrpcClients


class Operator:
    """An operator who has proven who he is."""

    def __init__(self, clients: GrpcClients, access_token: str) -> None:
        self._clients = clients
        self._access_token = access_token

    def ops(self, service: str) -> "ops_service_pb2_grpc.OpsServiceAsyncStub":
        """Give the `OpsService` of one service."""
        return self._clients.stub(
            ops_service_pb2_grpc.OpsServiceStub, service, token=self._access_token
        )


@asynccontextmanager
async def signed_in(settings: Settings) -> AsyncIterator[Operator]:
    """Prove who is asking, and give the way to every service.

    Raises:
        CannotStart: there is nothing to prove it with.
        Unauthenticated: the proof is refused.
    """
    async with AsyncExitStack() as stack:
        clients = GrpcClients(settings, stack)
        yield Operator(clients, await _access_token(clients, settings))


async def _access_token(clients: GrpcClients, settings: Settings) -> str:
    given = settings.access_token.get_secret_value()
    if given:
        return given
    proof = settings.id_token.get_secret_value()
    if not proof:
        raise CannotStart(
            "nobody is signed in: set OTKLIK_OPS_ID_TOKEN to an ID token of your identity provider "
            "(or OTKLIK_OPS_ID_TOKEN_FILE to a file with it)",
        )
    identity = clients.stub(
        identity_service_pb2_grpc.IdentityServiceStub, "tickets", anonymous=True
    )
    answer: identity_service_pb2.ExchangeTokenResponse = await identity.ExchangeToken(
        identity_service_pb2.ExchangeTokenRequest(
            subject_token_type=identity_service_pb2.SUBJECT_TOKEN_TYPE_STAFF_ID_TOKEN,
            subject_token=proof,
        )
    )
    return answer.access_token
