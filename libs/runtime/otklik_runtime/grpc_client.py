"""Calls of other services: with our token or a person's, a deadline, retries and the trace.

`clients.stub(SampleServiceStub, "sample")` gives the generated stub over a channel of ours. What it
raises are facts (`otklik_runtime.errors`), never statuses.
"""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, nullcontext
from time import perf_counter
from typing import Any, TypeVar, cast

import grpc
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from otklik_runtime import deadlines, grpc_errors, grpc_tls, telemetry
from otklik_runtime.env import Settings
from otklik_runtime.errors import OtklikError, Unavailable
from otklik_runtime.service_token import ServiceToken

DEFAULT_SECONDS = 5.0
# Our own work after the answer, out of what our caller still waits.
MARGIN_SECONDS = 0.01
MAX_MESSAGE_BYTES = 4 * 1024 * 1024

S = TypeVar("S")

# Mutations may be repeated because they carry a request_id; nothing is repeated but what did not
# answer at all, and only while most calls succeed.
_SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        },
    ],
}
_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    ("grpc.enable_retries", 1),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.dns_min_time_between_resolutions_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
]


class GrpcClients:
    """The channels of this process to other services, one for each address."""

    def __init__(self, settings: Settings, stack: AsyncExitStack) -> None:
        """Nothing is connected before the first call; the stack closes all.

        Args:
            settings: The addresses of the others, and the key that proves who we are.
            stack: Closes the channels.
        """
        self._settings = settings
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._own: ServiceToken | None = None
        stack.push_async_callback(self._close)

    def stub(
        self,
        stub: Callable[[grpc.aio.Channel], S],
        owner: str,
        *,
        token: str | None = None,
        anonymous: bool = False,
    ) -> S:
        """Give a stub.

        Args:
            stub: The generated class.
            owner: The service that serves it.
            token: A person's access token, to call on their behalf; our own otherwise.
            anonymous: Whether to call without any token.

        Raises:
            CannotStart: the address or our own key is not known.
        """
        own = self._own_token() if token is None and not anonymous else None
        credentials = _Credentials(own, token or "")
        channel = _Channel(self._channel(self._settings.address_of(owner)), credentials)
        # The generated stub needs of a channel only what ours has.
        return stub(cast("grpc.aio.Channel", channel))

    def _own_token(self) -> ServiceToken:
        if self._own is None:
            address = self._settings.identity_address
            self._own = ServiceToken(
                self._settings.service,
                self._settings.private_key_file,
                self._channel(address),
            )
        return self._own

    def _channel(self, address: str) -> grpc.aio.Channel:
        channel = self._channels.get(address)
        if channel is None:
            credentials = grpc_tls.channel_credentials(self._settings)
            if credentials is None:
                channel = grpc.aio.insecure_channel(address, options=_OPTIONS)
            else:
                channel = grpc.aio.secure_channel(address, credentials, options=_OPTIONS)
            self._channels[address] = channel
        return channel

    async def _close(self) -> None:
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))


class _Credentials:
    """Whose token a stub sends: our own, a person's, or none."""

    def __init__(self, own: ServiceToken | None, given: str) -> None:
        self._own = own
        self._given = given

    async def get(self) -> str:
        """Give the token to send; empty for none."""
        return await self._own.get() if self._own is not None else self._given

    def refused(self, token: str, error: grpc.aio.AioRpcError) -> bool:
        """Tell whether another token may do better: ours, which was refused for its age or key."""
        if self._own is None or error.code() is not grpc.StatusCode.UNAUTHENTICATED:
            return False
        self._own.forget(token)
        return True


class _Channel:
    """What a generated stub needs of a channel: the four makers of methods."""

    def __init__(self, channel: grpc.aio.Channel, credentials: _Credentials) -> None:
        self._channel = channel
        self._credentials = credentials

    def unary_unary(self, path: str, **how: Any) -> "_OneAnswer":
        return _OneAnswer(path, self._channel.unary_unary(path, **how), self._credentials)

    def stream_unary(self, path: str, **how: Any) -> "_OneAnswer":
        return _OneAnswer(
            path,
            self._channel.stream_unary(path, **how),
            self._credentials,
            repeatable=False,
        )

    def unary_stream(self, path: str, **how: Any) -> "_ManyAnswers":
        return _ManyAnswers(path, self._channel.unary_stream(path, **how), self._credentials)

    def stream_stream(self, path: str, **how: Any) -> "_ManyAnswers":
        return _ManyAnswers(path, self._channel.stream_stream(path, **how), self._credentials)


class _OneAnswer:
    """A method with one answer: `await stub.GetSample(request)`."""

    def __init__(
        self, path: str, call: Any, credentials: _Credentials, *, repeatable: bool = True
    ) -> None:
        self._method = path.removeprefix("/")
        self._call = call
        self._credentials = credentials
        self._repeatable = repeatable

    async def __call__(
        self,
        request: Any,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as in the generated stubs
    ) -> Any:
        """Call, within the timeout or what our own caller still waits, whichever is less."""
        seconds = _seconds(timeout, DEFAULT_SECONDS)
        with _observed(self._method) as span:
            token = await self._credentials.get()
            try:
                return await self._call(request, timeout=seconds, metadata=_metadata(token))
            except grpc.aio.AioRpcError as error:
                if not (self._credentials.refused(token, error) and self._repeatable):
                    raise _known(error, span) from error
            token = await self._credentials.get()
            try:
                return await self._call(request, timeout=seconds, metadata=_metadata(token))
            except grpc.aio.AioRpcError as error:
                raise _known(error, span) from error


class _ManyAnswers:
    """A method with many answers: `async for sample in stub.ListSamples(request)`."""

    def __init__(self, path: str, call: Any, credentials: _Credentials) -> None:
        self._method = path.removeprefix("/")
        self._call = call
        self._credentials = credentials

    async def __call__(
        self,
        request: Any,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as in the generated stubs
    ) -> AsyncIterator[Any]:
        """Call; without timeout it lasts as long as our own caller waits, or without end."""
        seconds = _seconds(timeout, math.inf)
        with _observed(self._method, current=False) as span:
            token = await self._credentials.get()
            call = self._call(
                request,
                timeout=None if seconds == math.inf else seconds,
                metadata=_metadata(token, trace.set_span_in_context(span)),
            )
            try:
                async for answer in call:
                    yield answer
            except grpc.aio.AioRpcError as error:
                self._credentials.refused(token, error)
                raise _known(error, span) from error
            finally:
                call.cancel()


def _seconds(timeout: float | None, default: float) -> float:
    """Say how long the other may take.

    Raises:
        Unavailable: our own caller does not wait long enough for anything.
    """
    left = deadlines.remaining(math.inf) - MARGIN_SECONDS
    seconds = min(default if timeout is None else timeout, left)
    if seconds < deadlines.TOO_LATE_SECONDS:
        raise Unavailable(
            "deadline_exceeded",
            "there is no time left to ask another service: allow the call more time",
        )
    return seconds


def _metadata(token: str, context: Context | None = None) -> list[tuple[str, str]]:
    carrier: dict[str, str] = {}
    telemetry.inject(carrier, context)
    if token:
        carrier["authorization"] = f"Bearer {token}"
    return list(carrier.items())


def _known(error: grpc.aio.AioRpcError, span: Span) -> OtklikError:
    span.set_attribute("rpc.status_code", error.code().name)
    return grpc_errors.error_of(error)


@contextmanager
def _observed(method: str, *, current: bool = True) -> Iterator[Span]:
    """Make the call's span and record how long it took.

    A generator must not make it the current one: its consumer would run inside it.
    """
    started = perf_counter()
    attributes = {"rpc.system.name": "grpc", "rpc.method": method}
    span = telemetry.tracer.start_span(method, kind=SpanKind.CLIENT, attributes=attributes)
    try:
        with trace.use_span(span, record_exception=False) if current else nullcontext():
            yield span
    except OtklikError as error:
        attributes["error.type"] = error.code
        span.set_status(Status(StatusCode.ERROR, error.code))
        span.set_attribute("error.type", error.code)
        raise
    finally:
        span.end()
        telemetry.duration("rpc.client.call.duration", perf_counter() - started, **attributes)
