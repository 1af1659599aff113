"""Where spans and metrics go: a receiver that takes every export and reads nothing of it.

It runs in a process of its own, as a collector does; it is not what is measured.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from multiprocessing.connection import Connection
from typing import Self

import grpc
import grpc.aio


class SpanSink:
    """An OTLP receiver that answers and forgets."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._port, told = context.Pipe(duplex=False)
        self._process = context.Process(target=_serve, args=(told,), daemon=True)
        self.endpoint = ""

    async def __aenter__(self) -> Self:
        """Listen."""
        self._process.start()
        self.endpoint = f"http://127.0.0.1:{await asyncio.to_thread(self._port.recv)}"
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Listen no more."""
        self._process.kill()
        await asyncio.to_thread(self._process.join)


def _serve(told: Connection) -> None:
    asyncio.run(_receive(told))


async def _receive(told: Connection) -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Anything(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    told.send(port)
    await server.wait_for_termination()


class _Anything(grpc.GenericRpcHandler):
    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes]:
        del handler_call_details
        return grpc.unary_unary_rpc_method_handler(_take)


async def _take(request: bytes, _: object) -> bytes:
    del request
    # An empty message says that everything was taken.
    return b""
