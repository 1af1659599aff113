"""What happens around every gRPC call before and after the servicer's method.

Trace, deadline, who calls and whether they may, decoding, validation; then the method; then its
answer or its error as a status. Methods are wrapped once, when they are registered, so that a call
costs no more than one coroutine. This is the gRPC edge of the process: what nobody foresaw is
caught here, logged with its stack and told as a fault of ours.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError, Message
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from otklik_runtime import auth, deadlines, grpc_errors, replay, telemetry
from otklik_runtime.access import Access
from otklik_runtime.errors import InvalidInput, OtklikError, Unauthenticated, Unavailable
from otklik_runtime.validation import validate

DEFAULT_SECONDS = 30.0
_BEARER = "bearer "
# Statuses that say that we failed; the others say that the caller must do something else.
_OUR_FAULT = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    },
)

_LOG = logging.getLogger(__name__)

# Generic for the type checker alone.
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class _TooLate(OtklikError):
    """The caller does not wait any longer."""


class Calls:
    """Wraps the methods of one server."""

    def __init__(self, verifier: auth.Verifier, access: Access) -> None:
        self._verifier = verifier
        self._access = access

    def wrapped(self, method: str, handler: Handler, *, silent: bool = False) -> Handler:
        """Give the handler with everything around it.

        Args:
            method: The full name, without the leading slash.
            handler: As the generated code registers it.
            silent: Whether it makes no span and no metric, for probes.
        """
        around = _Method(self, method, handler, silent=silent)
        # Requests arrive as bytes: who calls is asked before anything is decoded.
        kinds: dict[tuple[bool, bool], tuple[Any, Any]] = {
            (False, False): (grpc.unary_unary_rpc_method_handler, around.unary_unary),
            (False, True): (grpc.unary_stream_rpc_method_handler, around.unary_stream),
            (True, False): (grpc.stream_unary_rpc_method_handler, around.stream_unary),
            (True, True): (grpc.stream_stream_rpc_method_handler, around.stream_stream),
        }
        make, behaviour = kinds[handler.request_streaming, handler.response_streaming]
        made: Handler = make(behaviour)
        return made

    async def admitted(self, method: str, metadata: Mapping[str, str]) -> auth.Principal:
        """Find out who calls, and whether they may."""
        token = _token(metadata)
        if token is None:
            caller = auth.ANONYMOUS
        elif self._access.rule(method).anybody:
            caller = await self._known(token)
        else:
            caller = await self._verifier.verify(token)
        self._access.require(method, caller)
        return caller

    async def _known(self, token: str) -> auth.Principal:
        """Say who calls a method that needs no token: a worn-out token must not lock out."""
        try:
            return await self._verifier.verify(token)
        except (Unauthenticated, Unavailable):
            return auth.ANONYMOUS


@dataclass
class _Outcome:
    """How a call ended."""

    code: grpc.StatusCode = grpc.StatusCode.OK
    error: OtklikError | None = None


class _Method:
    """One method and what is around it."""

    def __init__(self, calls: Calls, method: str, handler: Handler, *, silent: bool) -> None:
        self._calls = calls
        self._method = method
        # The stubs describe synchronous servicers; ours are asynchronous.
        self._handler: Any = handler
        self._silent = silent
        self._encode: Callable[[Any], bytes] = handler.response_serializer or bytes

    async def unary_unary(self, data: bytes, context: Context) -> bytes:
        async def work() -> bytes:
            answer = await self._handler.unary_unary(self._request(data), context)
            return self._encode(answer)

        return await self._once(work, context)

    async def stream_unary(self, stream: AsyncIterator[bytes], context: Context) -> bytes:
        async def work() -> bytes:
            answer = await self._handler.stream_unary(self._requests(stream), context)
            return self._encode(answer)

        return await self._once(work, context)

    async def unary_stream(self, data: bytes, context: Context) -> None:
        await self._many(
            lambda: self._handler.unary_stream(self._request(data), context),
            context,
        )

    async def stream_stream(self, stream: AsyncIterator[bytes], context: Context) -> None:
        await self._many(
            lambda: self._handler.stream_stream(self._requests(stream), context),
            context,
        )

    async def _once(self, work: Callable[[], Awaitable[bytes]], context: Context) -> bytes:
        outcome = _Outcome()
        answer = b""
        with self._observed(context, outcome):
            answer = await self._caught(work, context, outcome)
        if outcome.error is not None:
            await _abort(context, outcome.code, outcome.error)
        return answer

    async def _caught(
        self, work: Callable[[], Awaitable[bytes]], context: Context, outcome: _Outcome
    ) -> bytes:
        seconds: float | None = context.time_remaining()
        allowed = DEFAULT_SECONDS if seconds is None else seconds
        patience = asyncio.timeout(allowed)
        try:
            async with patience:
                return await self._done(work, context, allowed)
        except TimeoutError as error:
            if patience.expired():
                outcome.code, outcome.error = _late(allowed)
            else:
                self._fault(error, outcome)
        except OtklikError as error:
            self._refuse(error, outcome)
        except Exception as error:  # noqa: BLE001 - this is the edge
            self._fault(error, outcome)
        return b""

    async def _done(
        self, work: Callable[[], Awaitable[bytes]], context: Context, seconds: float
    ) -> bytes:
        if seconds < deadlines.TOO_LATE_SECONDS:
            raise _TooLate("deadline_exceeded", _late(seconds)[1].message)
        caller = await self._calls.admitted(self._method, _metadata(context))
        with deadlines.within(seconds), auth.acting_as(caller), replay.in_method(self._method):
            return await work()

    async def _many(self, work: Callable[[], AsyncGenerator[Any]], context: Context) -> None:
        """Stream the answers; without the caller's deadline a stream lasts as long as it needs."""
        outcome = _Outcome()
        with self._observed(context, outcome):
            try:
                await self._streamed(work, context)
            except OtklikError as error:
                self._refuse(error, outcome)
            except Exception as error:  # noqa: BLE001 - this is the edge
                self._fault(error, outcome)
        if outcome.error is not None:
            await _abort(context, outcome.code, outcome.error)

    async def _streamed(self, work: Callable[[], AsyncGenerator[Any]], context: Context) -> None:
        seconds: float | None = context.time_remaining()
        if seconds is not None and seconds < deadlines.TOO_LATE_SECONDS:
            raise _TooLate("deadline_exceeded", _late(seconds)[1].message)
        caller = await self._calls.admitted(self._method, _metadata(context))
        with auth.acting_as(caller), replay.in_method(self._method), _limit(seconds):
            # Closed here, in the task that opened it, also when the caller goes away.
            async with aclosing(work()) as answers:
                async for answer in answers:
                    await context.write(self._encode(answer))

    def _request(self, data: bytes) -> Any:
        decode = self._handler.request_deserializer
        if decode is None:
            return data
        try:
            request = decode(data)
        except DecodeError:
            raise InvalidInput(
                "request_undecodable",
                f"the request is no {self._method} request: check that both sides use the same "
                "contract",
            ) from None
        if isinstance(request, Message) and not self._silent:
            validate(request)
        return request

    async def _requests(self, stream: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        async for data in stream:
            yield self._request(data)

    def _refuse(self, error: OtklikError, outcome: _Outcome) -> None:
        outcome.error = error
        late = isinstance(error, _TooLate)
        outcome.code = grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc_errors.code_of(error)

    def _fault(self, error: Exception, outcome: _Outcome) -> None:
        _LOG.error("a call failed", extra={"method": self._method}, exc_info=error)
        outcome.code = grpc.StatusCode.INTERNAL
        outcome.error = OtklikError(
            "internal",
            "something is wrong on our side and has been written down: try again later",
        )

    @contextmanager
    def _observed(self, context: Context, outcome: _Outcome) -> Iterator[None]:
        """Make the call's span and record how long it took."""
        if self._silent:
            yield
            return
        started = perf_counter()
        parent = telemetry.extract(_metadata(context))
        with telemetry.tracer.start_as_current_span(
            self._method,
            context=parent,
            kind=SpanKind.SERVER,
            record_exception=False,
        ) as span:
            try:
                yield
            except (asyncio.CancelledError, GeneratorExit):
                outcome.code = grpc.StatusCode.CANCELLED
                raise
            finally:
                _finish(span, self._method, outcome, perf_counter() - started)


@contextmanager
def _limit(seconds: float | None) -> Iterator[None]:
    if seconds is None:
        yield
        return
    with deadlines.within(seconds):
        yield


def _late(seconds: float) -> tuple[grpc.StatusCode, OtklikError]:
    return grpc.StatusCode.DEADLINE_EXCEEDED, _TooLate(
        "deadline_exceeded",
        f"the call was not done within its {seconds:.3f} s: allow more time, or ask for less",
    )


async def _abort(context: Context, code: grpc.StatusCode, error: OtklikError) -> None:
    status = grpc_errors.status_of(error)
    status.code = code.value[0]
    await context.abort(
        code,
        error.message,
        ((grpc_errors.DETAILS, status.SerializeToString()),),
    )


def _metadata(context: Context) -> dict[str, str]:
    return {
        name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)
    }


def _token(metadata: Mapping[str, str]) -> str | None:
    """Take the token out of `authorization: Bearer <token>`."""
    value = metadata.get("authorization", "")
    if not value:
        return None
    if value[: len(_BEARER)].lower() != _BEARER:
        raise auth.missing()
    return value[len(_BEARER) :].strip()


def _finish(span: Span, method: str, outcome: _Outcome, seconds: float) -> None:
    attributes: dict[str, str] = {
        "rpc.system.name": "grpc",
        "rpc.method": method,
        "rpc.status_code": outcome.code.name,
    }
    if outcome.code is not grpc.StatusCode.OK:
        attributes["error.type"] = outcome.code.name
    if outcome.code in _OUR_FAULT:
        span.set_status(Status(StatusCode.ERROR))
    if outcome.error is not None:
        span.set_attribute("otklik.error.code", outcome.error.code)
    span.set_attributes(attributes)
    telemetry.duration("rpc.server.call.duration", seconds, **attributes)
