"""A running receiver, and a program that is traced by the real SDK and exports to it."""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tools.traces import TraceReceiver


@pytest.fixture
async def traces() -> AsyncIterator[TraceReceiver]:
    async with TraceReceiver(max_spans=1000) as receiver:
        yield receiver


@pytest.fixture
async def browser(traces) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=traces.address) as client:
        yield client


@pytest.fixture
async def traced_service(traces) -> AsyncIterator[Callable[[str], TracerProvider]]:
    """Make services by name; each exports over gRPC as a process of ours does."""
    providers = []

    def service(name: str) -> TracerProvider:
        provider = TracerProvider(resource=Resource({"service.name": name}), shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=traces.endpoint, insecure=True)
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=20))
        providers.append(provider)
        return provider

    yield service
    for provider in providers:
        # In a thread: its last export is answered by this very loop.
        await asyncio.to_thread(provider.shutdown)
