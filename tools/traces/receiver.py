"""The receiver as one object: start it, point services at it, ask it what arrived."""

from collections.abc import Callable
from typing import Self

import grpc

from tools.pages.server import LOOPBACK, PageServer, PortBusy, loopback_socket
from tools.traces.model import Span, Trace
from tools.traces.otlp import grpc_server
from tools.traces.store import DEFAULT_MAX_SPANS, TraceStore
from tools.traces.web import application

_GRACE_SECONDS = 1.0


class TraceReceiver:
    """Receives OTLP traces on loopback over gRPC and HTTP, and shows them.

    In a test:

        async with TraceReceiver() as traces:
            ...  # run something with OTEL_EXPORTER_OTLP_ENDPOINT=traces.endpoint
            whole = await traces.wait_for(lambda trace: len(trace.services) == 5, timeout=10)
    """

    def __init__(
        self, *, grpc_port: int = 0, http_port: int = 0, max_spans: int = DEFAULT_MAX_SPANS
    ) -> None:
        """Prepare a receiver; port 0 takes any free one."""
        self.store = TraceStore(max_spans)
        self.grpc_port = grpc_port
        self._http_port = http_port
        self._grpc: grpc.aio.Server | None = None
        self._http = PageServer(application(self.store, lambda: self.endpoint))

    @property
    def http_port(self) -> int:
        """The port of the pages and of `POST /v1/traces`."""
        return self._http.port

    @property
    def endpoint(self) -> str:
        """The value of `OTEL_EXPORTER_OTLP_ENDPOINT` for exporters over gRPC."""
        return f"http://{LOOPBACK}:{self.grpc_port}"

    @property
    def address(self) -> str:
        """The address of the pages, which is also the endpoint for exporters over HTTP."""
        return self._http.address

    async def start(self) -> None:
        """Listen on both ports; returns when both answer.

        Raises:
            PortBusy: another process holds one of them.
        """
        # gRPC reports a busy port as a bare RuntimeError after lines of its own, and a server that
        # never started cannot be closed: so both ports are tried first.
        for port in (self.grpc_port, self._http_port):
            loopback_socket(port).close()
        self._grpc = grpc_server(self.store)
        self.grpc_port = self._grpc.add_insecure_port(f"{LOOPBACK}:{self.grpc_port}")
        await self._grpc.start()
        try:
            await self._http.start(self._http_port)
        except PortBusy:
            await self._grpc.stop(None)
            raise

    async def stop(self) -> None:
        """Stop listening and give both ports back; what was received stays readable."""
        await self._http.stop()
        if self._grpc is not None:
            await self._grpc.stop(_GRACE_SECONDS)
            self._grpc = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def spans(self, trace_id: str) -> tuple[Span, ...]:
        """Return the spans of a trace that have arrived, in the order they began."""
        trace = self.store.trace(trace_id)
        return () if trace is None else trace.spans

    def traces(self) -> tuple[Trace, ...]:
        """Return every kept trace, the one that changed last first."""
        return tuple(self.store.recent())

    async def wait_for(
        self,
        predicate: Callable[[Trace], bool],
        timeout: float = 10,  # noqa: ASYNC109 - the caller's patience, as in asyncio.wait_for
    ) -> Trace:
        """Return the first trace that satisfies the predicate, now or when it arrives.

        Raises:
            TimeoutError: none did in time; the message says what has been received.
        """
        return await self.store.wait_for(predicate, timeout)
