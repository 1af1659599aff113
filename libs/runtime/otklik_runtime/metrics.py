"""Every metric is declared before it is used: name, unit, meaning and attributes.

The runtime declares its own here; a service declares its own where it counts, at import::

    RATED = metrics.declare("otklik.rating.given", "counter", "{rating}", "Ratings given.")

Attributes never hold identifiers: every value makes a time series of its own.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]


class MetricUndeclared(LookupError):
    """Somebody counts what nobody declared."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What is measured."""

    name: str
    kind: Kind
    unit: str
    description: str
    attributes: frozenset[str]
    boundaries: tuple[float, ...] = ()


_REGISTRY: dict[str, Metric] = {}

# Seconds: where the promises of a call and of a journey lie.
_CALL_BOUNDARIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_JOURNEY_BOUNDARIES = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)


def declare(
    name: str,
    kind: Kind,
    unit: str,
    description: str,
    *,
    attributes: tuple[str, ...] = (),
    boundaries: tuple[float, ...] = (),
) -> str:
    """Declare a metric and give its name; the same declaration twice is one.

    Raises:
        ValueError: the name is already declared otherwise.
    """
    metric = Metric(
        name=name,
        kind=kind,
        unit=unit,
        description=description,
        attributes=frozenset(attributes),
        boundaries=boundaries or (_JOURNEY_BOUNDARIES if kind == "histogram" else ()),
    )
    if _REGISTRY.setdefault(name, metric) != metric:
        raise ValueError(f"the metric {name} is already declared with another meaning")
    return name


def find(name: str, kind: Kind) -> Metric:
    """Find a declared metric.

    Raises:
        MetricUndeclared: there is none of this name and kind.
    """
    metric = _REGISTRY.get(name)
    if metric is None or metric.kind != kind:
        raise MetricUndeclared(f"no {kind} {name} is declared: call otklik_runtime.metrics.declare")
    return metric


def declared() -> list[Metric]:
    """List every declared metric by name, for the documentation."""
    return [metric for _, metric in sorted(_REGISTRY.items())]


_NONE: tuple[str, ...] = ()
_OWNER: tuple[str, ...] = ("owner",)
_RPC: tuple[str, ...] = ("rpc.system.name", "rpc.method", "rpc.status_code", "error.type")
_HTTP: tuple[str, ...] = (
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "url.scheme",
    "error.type",
)

for _name, _attributes, _description in (
    ("rpc.server.call.duration", _RPC, "How long calls of this service took."),
    ("rpc.client.call.duration", _RPC, "How long calls of other services took."),
    ("http.server.request.duration", _HTTP, "How long HTTP requests took."),
):
    declare(
        _name, "histogram", "s", _description, attributes=_attributes, boundaries=_CALL_BOUNDARIES
    )

declare(
    "otklik.outbox.oldest_age",
    "gauge",
    "s",
    "How long the oldest recorded event waits to be published.",
)

declare(
    "otklik.clock.skew",
    "gauge",
    "s",
    "How far the clock of an owner is ahead of this service's own, as its events show.",
    attributes=_OWNER,
)

_COUNTERS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("otklik.events.published", "{event}", ("type",), "Events published."),
    ("otklik.relay.interruptions", "{time}", _NONE, "Times the relay lost broker or database."),
    (
        "otklik.relay.missing_stream",
        "{time}",
        _NONE,
        "Times the relay found no stream to publish to.",
    ),
    (
        "otklik.relay.forgotten_events",
        "{event}",
        _NONE,
        "Events the broker forgot, published again.",
    ),
    ("otklik.relay.refused_batches", "{batch}", _NONE, "Batches the broker refused, sent singly."),
    ("otklik.subscription.interruptions", "{time}", _OWNER, "Times a reader lost the broker."),
    ("otklik.inbox.applied", "{event}", _OWNER, "Events handled."),
    ("otklik.inbox.duplicates", "{event}", _OWNER, "Events that had been handled before."),
    ("otklik.inbox.deferred", "{event}", _OWNER, "Events that wait for one that is missing."),
    ("otklik.inbox.gaps_closed", "{gap}", _OWNER, "Gaps closed by asking the owner."),
    ("otklik.inbox.jumps", "{gap}", _OWNER, "Gaps that the owner could not close either."),
    (
        "otklik.subscription.failures",
        "{event}",
        ("owner", "error"),
        "Events whose handling failed and is tried again.",
    ),
    (
        "otklik.dead_letters",
        "{message}",
        ("reader", "stream", "reason"),
        "Messages set aside because they could not be handled.",
    ),
)
for _name, _unit, _attributes, _description in _COUNTERS:
    declare(_name, "counter", _unit, _description, attributes=_attributes)
