"""Traces and metrics: OpenTelemetry, sent by OTLP over gRPC when an endpoint is set.

Without an endpoint nothing of the SDK is loaded: spans are no-ops that still hand a caller's
context on, and metrics only check that they are declared.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AsyncExitStack, contextmanager
from importlib import metadata
from time import perf_counter
from typing import TYPE_CHECKING

from opentelemetry import metrics as otel_metrics
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otklik_runtime import metrics

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

    from otklik_runtime.env import Settings

Attribute = str | bool | int | float

METRIC_INTERVAL_MILLISECONDS = 15_000
# A collector that is gone must not hold up the end of a process.
EXPORT_SECONDS = 3

_LOG = logging.getLogger(__name__)
_PROPAGATOR = TraceContextTextMapPropagator()

tracer = trace.get_tracer("otklik")


class _Instruments:
    """The instruments made so far, by name; the strictness about attributes."""

    def __init__(self) -> None:
        self.meter = otel_metrics.get_meter("otklik")
        self.counters: dict[str, otel_metrics.Counter] = {}
        self.gauges: dict[str, otel_metrics._Gauge] = {}
        self.histograms: dict[str, otel_metrics.Histogram] = {}
        # In production a wrong attribute is dropped: no request may fail for its measurement.
        self.strict = True


_instruments = _Instruments()


def open(settings: "Settings", stack: AsyncExitStack) -> None:  # noqa: A001 - telemetry.open, as in database.open
    """Send traces and metrics from now on, and what is left of them when the stack closes."""
    _instruments.strict = settings.environment != "production"
    if not settings.telemetry_endpoint:
        return
    resource = _resource(settings)
    _send_traces(settings, resource, stack)
    _send_metrics(settings, resource, stack)


def count(name: str, n: int = 1, **attributes: Attribute) -> None:
    """Add to a counter.

    Raises:
        MetricUndeclared: nobody declared it.
    """
    metric = metrics.find(name, "counter")
    counter = _instruments.counters.get(name)
    if counter is None:
        counter = _instruments.meter.create_counter(name, metric.unit, metric.description)
        _instruments.counters[name] = counter
    counter.add(n, _checked(metric, attributes))


def gauge(name: str, value: float, **attributes: Attribute) -> None:
    """Say how much of something there is now.

    Raises:
        MetricUndeclared: nobody declared it.
    """
    metric = metrics.find(name, "gauge")
    instrument = _instruments.gauges.get(name)
    if instrument is None:
        instrument = _instruments.meter.create_gauge(name, metric.unit, metric.description)
        _instruments.gauges[name] = instrument
    instrument.set(value, _checked(metric, attributes))


def duration(name: str, seconds: float, **attributes: Attribute) -> None:
    """Record how long something took.

    Raises:
        MetricUndeclared: nobody declared it.
    """
    metric = metrics.find(name, "histogram")
    histogram = _instruments.histograms.get(name)
    if histogram is None:
        histogram = _instruments.meter.create_histogram(
            name,
            metric.unit,
            metric.description,
            explicit_bucket_boundaries_advisory=metric.boundaries,
        )
        _instruments.histograms[name] = histogram
    histogram.record(seconds, _checked(metric, attributes))


@contextmanager
def timed(name: str, **attributes: Attribute) -> Iterator[None]:
    """Record how long the block took, however it ends."""
    started = perf_counter()
    try:
        yield
    finally:
        duration(name, perf_counter() - started, **attributes)


def inject(carrier: MutableMapping[str, str], context: Context | None = None) -> None:
    """Write a trace context, the present one unless given, into headers."""
    _PROPAGATOR.inject(carrier, context)


def extract(carrier: Mapping[str, str]) -> Context:
    """Read the trace context from headers."""
    return _PROPAGATOR.extract(carrier)


def _checked(metric: metrics.Metric, attributes: dict[str, Attribute]) -> dict[str, Attribute]:
    if attributes.keys() <= metric.attributes:
        return attributes
    unknown = ", ".join(sorted(attributes.keys() - metric.attributes))
    complaint = f"the metric {metric.name} does not declare the attribute {unknown}"
    if _instruments.strict:
        raise metrics.MetricUndeclared(complaint)
    _LOG.warning(complaint)
    return {name: value for name, value in attributes.items() if name in metric.attributes}


def _resource(settings: "Settings") -> "Resource":
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - only when it is sent

    return Resource.create(
        {
            "service.name": f"otklik-{settings.service}",
            "service.namespace": "otklik",
            "service.version": _version(settings.service),
            "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
            "deployment.environment.name": settings.environment,
        },
    )


def _version(service: str) -> str:
    try:
        return metadata.version(f"otklik-{service}")
    except metadata.PackageNotFoundError:
        return "unknown"


def _send_traces(settings: "Settings", resource: "Resource", stack: AsyncExitStack) -> None:
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased  # noqa: PLC0415

    provider = TracerProvider(
        resource=resource,
        sampler=ParentBased(TraceIdRatioBased(settings.trace_ratio)),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(
        endpoint=settings.telemetry_endpoint,
        insecure=_is_insecure(settings.telemetry_endpoint),
        timeout=EXPORT_SECONDS,
    )
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    trace.set_tracer_provider(provider)
    stack.push_async_callback(asyncio.to_thread, provider.shutdown)


def _send_metrics(settings: "Settings", resource: "Resource", stack: AsyncExitStack) -> None:
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (  # noqa: PLC0415
        OTLPMetricExporter,
    )
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415

    reader = PeriodicExportingMetricReader(
        OTLPMetricExporter(
            endpoint=settings.telemetry_endpoint,
            insecure=_is_insecure(settings.telemetry_endpoint),
            timeout=EXPORT_SECONDS,
        ),
        export_interval_millis=METRIC_INTERVAL_MILLISECONDS,
    )
    provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    otel_metrics.set_meter_provider(provider)
    stack.push_async_callback(asyncio.to_thread, provider.shutdown)


def _is_insecure(endpoint: str) -> bool:
    return not endpoint.startswith("https://")
