"""Calls the gRPC APIs as somebody: an agent who signed in, a partner, nobody."""

import asyncio
import re
import secrets as randomness
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar, cast
from urllib.parse import parse_qs, urlsplit

import grpc
import grpc.aio
import httpx
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from otklik.tickets.v1 import identity_service_pb2, identity_service_pb2_grpc
from otklik_runtime import assertions
from tools.local.environment import CLIENT_ID
from tools.local.failures import StackFailed
from tools.local.issuer.codes import challenge_of
from tools.local.ports import LOOPBACK, Ports
from tools.local.secrets import PARTNER, Secrets

CALL_SECONDS = 15.0
RENEW_BEFORE_SECONDS = 60
# The environment may name a proxy for the outside world; loopback is not outside.
OPTIONS = (("grpc.enable_http_proxy", 0),)

Stub = TypeVar("Stub")
TokenSource = Callable[[], Awaitable[str]]


class CallRefused(StackFailed):
    """A service refused a call."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        """Keep the status and the stable word for why."""
        self.status = error.code()
        self.reason = _reason(error)
        super().__init__(f"{self.status.name} {self.reason}: {error.details()}")


class NotSignedIn(StackFailed):
    """The development issuer did not let somebody in."""


@dataclass
class Callers:
    """Makes stubs for whoever should call; their tokens are renewed as they age."""

    ports: Ports
    secrets: Secrets
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _people: dict[str, TokenSource] = field(default_factory=dict)
    _channels: dict[tuple[str, str], grpc.aio.Channel] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        """Open nothing yet: channels are made when they are asked for."""
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Close every channel."""
        await self._stack.aclose()

    async def anonymous(self, make: Callable[[grpc.aio.Channel], Stub], service: str) -> Stub:
        """Call without a token."""
        return make(await self._channel(service, "nobody", None))

    async def person(
        self, subject: str, make: Callable[[grpc.aio.Channel], Stub], service: str
    ) -> Stub:
        """Call as one of the seeded people."""
        source = self._people.setdefault(subject, _Renewed(lambda: self._exchange_person(subject)))
        return make(await self._channel(service, subject, source))

    async def partner(
        self, name: str, make: Callable[[grpc.aio.Channel], Stub], service: str
    ) -> Stub:
        """Call as the seeded partner, whose name the server gave."""
        source = self._people.setdefault(name, _Renewed(lambda: self._exchange_partner(name)))
        return make(await self._channel(service, name, source))

    async def _channel(
        self, service: str, who: str, source: TokenSource | None
    ) -> grpc.aio.Channel:
        if (service, who) not in self._channels:
            interceptors = [_Bearer(source)]
            channel = grpc.aio.insecure_channel(
                self.ports.grpc_address(service), options=OPTIONS, interceptors=interceptors
            )
            self._stack.push_async_callback(channel.close)
            self._channels[service, who] = channel
        return self._channels[service, who]

    async def _exchange_person(self, subject: str) -> tuple[str, float]:
        proof = await sign_in(self.ports.issuer_url, subject)
        kind = identity_service_pb2.SUBJECT_TOKEN_TYPE_STAFF_ID_TOKEN
        return await self._exchange(kind, proof)

    async def _exchange_partner(self, name: str) -> tuple[str, float]:
        proof = assertions.sign(name.rpartition("/")[2], self.secrets.private_key(PARTNER))
        kind = identity_service_pb2.SUBJECT_TOKEN_TYPE_PARTNER_ASSERTION
        return await self._exchange(kind, proof)

    async def _exchange(
        self, kind: identity_service_pb2.SubjectTokenType.ValueType, proof: str
    ) -> tuple[str, float]:
        identity = await self.anonymous(identity_service_pb2_grpc.IdentityServiceStub, "tickets")
        given = await identity.ExchangeToken(
            identity_service_pb2.ExchangeTokenRequest(subject_token_type=kind, subject_token=proof)
        )
        return given.access_token, given.expires_in.ToTimedelta().total_seconds()


class _Renewed:
    """A token that is exchanged again before it ends."""

    def __init__(self, exchange: Callable[[], Awaitable[tuple[str, float]]]) -> None:
        self._exchange = exchange
        self._token = ""
        self._until = 0.0
        self._renewing = asyncio.Lock()

    async def __call__(self) -> str:
        # One exchange for everybody who waits: each opens a session of its own.
        async with self._renewing:
            if time.monotonic() > self._until:
                self._token, good_for = await self._exchange()
                self._until = time.monotonic() + good_for - RENEW_BEFORE_SECONDS
            return self._token


class _Bearer(grpc.aio.UnaryUnaryClientInterceptor):
    """Adds the token and a deadline, and turns a refusal into a sentence."""

    def __init__(self, source: TokenSource | None) -> None:
        self._source = source

    async def intercept_unary_unary(
        self, continuation: Any, client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        asked = client_call_details
        metadata = grpc.aio.Metadata(*(asked.metadata or ()))
        if self._source is not None:
            metadata.add("authorization", f"Bearer {await self._source()}")
        details = grpc.aio.ClientCallDetails(
            method=asked.method,
            timeout=asked.timeout or CALL_SECONDS,
            metadata=metadata,
            credentials=asked.credentials,
            wait_for_ready=asked.wait_for_ready,
        )
        call = await continuation(details, request)
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise CallRefused(error) from error


async def sign_in(issuer_url: str, subject: str) -> str:
    """Sign in at the development issuer as a browser would, and give the ID token."""
    verifier = randomness.token_urlsafe(32)
    redirect_uri = f"http://{LOOPBACK}/signed-in"
    asked = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": redirect_uri,
        "scope": "openid profile",
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
        "person": subject,
    }
    async with httpx.AsyncClient(base_url=issuer_url, trust_env=False, timeout=10) as client:
        answer = await client.get("/authorize/as", params=asked)
        if answer.status_code != httpx.codes.SEE_OTHER:
            raise NotSignedIn(
                f"the development issuer does not know {subject}: see demo/seed/agents.yaml",
            )
        code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
        given = await client.post(
            "/token",
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "client_id": CLIENT_ID,
                "code_verifier": verifier,
            },
        )
    token: str = given.raise_for_status().json()["id_token"]
    return token


def _reason(error: grpc.aio.AioRpcError) -> str:
    # The error answers the same questions as the call it ended.
    status = rpc_status.from_call(cast("grpc.Call", error))
    for detail in status.details if status else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return re.sub(r"[^a-z0-9_]", "", info.reason.lower())
    return ""
