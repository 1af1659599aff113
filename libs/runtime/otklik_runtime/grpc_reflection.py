"""Server reflection: what is served here, for tools such as grpcurl; only for those with a token.

Versions `v1` and `v1alpha` differ in nothing but their name. The library behind them is loaded by
the first one who asks.
"""

from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc

from otklik_runtime.grpc_calls import Handler

SERVICES = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
METHOD = "ServerReflectionInfo"


def handler(services: Iterable[str]) -> Handler:
    """Give the handler that describes these services, the same for both versions."""
    names = (*services, *SERVICES)

    async def describe(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[Any]:
        from grpc_reflection.v1alpha import reflection, reflection_pb2  # noqa: PLC0415

        async def read() -> AsyncIterator[Any]:
            async for data in requests:
                yield reflection_pb2.ServerReflectionRequest.FromString(data)

        servicer: Any = reflection.aio.ReflectionServicer(names)
        async for answer in servicer.ServerReflectionInfo(read(), context):
            yield answer

    return grpc.stream_stream_rpc_method_handler(
        describe,
        response_serializer=lambda answer: answer.SerializeToString(),
    )
