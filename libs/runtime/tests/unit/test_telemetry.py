import pytest

from otklik_runtime import metrics, telemetry
from otklik_runtime.metrics import MetricUndeclared


def test_what_nobody_declared_cannot_be_counted():
    with pytest.raises(MetricUndeclared, match="is declared"):
        telemetry.count("otklik.sample.typo")
    with pytest.raises(MetricUndeclared):
        telemetry.duration("otklik.dead_letters", 1.0)


def test_an_attribute_nobody_declared_is_refused_outside_production():
    with pytest.raises(MetricUndeclared, match="does not declare the attribute customer"):
        telemetry.count("otklik.dead_letters", customer="x")


def test_the_same_declaration_twice_is_one_and_another_is_refused():
    name = metrics.declare("otklik.sample.things", "counter", "{thing}", "Things.")

    assert metrics.declare("otklik.sample.things", "counter", "{thing}", "Things.") == name
    with pytest.raises(ValueError, match="already declared"):
        metrics.declare("otklik.sample.things", "gauge", "{thing}", "Things.")


def test_declared_metrics_are_listed_for_the_documents():
    names = [metric.name for metric in metrics.declared()]

    assert names == sorted(names)
    assert "otklik.outbox.oldest_age" in names


def test_a_trace_context_passes_through_headers():
    headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    context = telemetry.extract(headers)
    carried: dict[str, str] = {}

    with telemetry.tracer.start_as_current_span("work", context=context):
        telemetry.inject(carried)

    assert carried["traceparent"].split("-")[1] == "0af7651916cd43dd8448eb211c80319c"
