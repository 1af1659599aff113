"""`grpc.health.v1`: the process's readiness, for whoever asks by gRPC.

It answers from the same Health as `/readyz`, so the two can never disagree.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthServicer

from otklik_runtime import health
from otklik_runtime.grpc_calls import Context

_LOOK_SECONDS = 0.5
_STATUS = health_pb2.HealthCheckResponse


class Health(HealthServicer):
    """Answers for the whole process (`""`) and for each of its services alike."""

    def __init__(self, state: health.Health, services: frozenset[str]) -> None:
        self._state = state
        self._services = services | {""}

    async def Check(  # noqa: N802 - the contract's name
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> health_pb2.HealthCheckResponse:
        """Say whether one service can work."""
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"{request.service} is not served here")
        return self._answer(request.service)

    async def List(  # noqa: N802 - the contract's name
        self, _: Any, context: Context
    ) -> Any:
        """Say it of all services."""
        del context
        statuses = {name: self._answer(name) for name in sorted(self._services)}
        # The published stubs are older than this method.
        answer: Any = vars(health_pb2)["HealthListResponse"](statuses=statuses)
        return answer

    async def Watch(  # noqa: N802 - the contract's name
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """Say it now and whenever it changes."""
        said = None
        while not context.cancelled():
            answer = self._answer(request.service)
            if answer.status != said:
                said = answer.status
                yield answer
            await asyncio.sleep(_LOOK_SECONDS)

    def _answer(self, service: str) -> health_pb2.HealthCheckResponse:
        if service not in self._services:
            return _STATUS(status=_STATUS.SERVICE_UNKNOWN)
        ready = self._state.why_not_ready() is None
        return _STATUS(status=_STATUS.SERVING if ready else _STATUS.NOT_SERVING)
