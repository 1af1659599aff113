"""A service's own access token: asserted with its key, exchanged, kept until it nears its end."""

import asyncio
import time
from pathlib import Path

import grpc

from otklik.tickets.v1 import identity_service_pb2
from otklik.tickets.v1.identity_service_pb2_grpc import IdentityServiceStub
from otklik_runtime import assertions, grpc_errors, keys
from otklik_runtime.errors import CannotStart

EXCHANGE_SECONDS = 5.0
# Exchanged anew when less than this share of its life is left.
_SPENT = 0.8


class ServiceToken:
    """The token of this service; one exchange serves all who wait for it."""

    def __init__(
        self, service: str, private_key_file: Path | None, channel: grpc.aio.Channel
    ) -> None:
        self._service = service
        self._key = _key(service, private_key_file)
        self._identity = IdentityServiceStub(channel)
        self._token = ""
        self._good_until = 0.0
        self._exchanging = asyncio.Lock()

    async def get(self) -> str:
        """Give a token that is good for a while.

        Raises:
            Unavailable: the service that exchanges tokens does not answer.
            Unauthenticated: it does not know our key.
        """
        if time.monotonic() < self._good_until:
            return self._token
        async with self._exchanging:
            if time.monotonic() >= self._good_until:
                await self._exchange()
        return self._token

    def forget(self, token: str) -> None:
        """Do not use this token again: somebody refused it."""
        if token == self._token:
            self._good_until = 0.0

    async def _exchange(self) -> None:
        asked_at = time.monotonic()
        request = identity_service_pb2.ExchangeTokenRequest(
            subject_token_type=identity_service_pb2.SUBJECT_TOKEN_TYPE_SERVICE_ASSERTION,
            subject_token=assertions.sign(self._service, self._key),
        )
        try:
            answer = await self._identity.ExchangeToken(request, timeout=EXCHANGE_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise grpc_errors.error_of(error) from error
        self._token = answer.access_token
        self._good_until = asked_at + _SPENT * answer.expires_in.ToTimedelta().total_seconds()


def _key(service: str, path: Path | None) -> keys.PrivateKey:
    if path is None:
        raise CannotStart(
            f"{service} cannot prove who it is: set OTKLIK_{service.upper()}_PRIVATE_KEY_FILE",
        )
    return keys.load_private(path)[0]
