import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

# One process that serves, calls itself twice (once refused), counts, logs, and ends.
PROGRAM = """
import asyncio
import logging
import sys
from contextlib import AsyncExitStack
from typing import ClassVar

from otklik.ops.v1 import ops_service_pb2 as pb
from otklik.ops.v1.ops_service_pb2_grpc import (
    OpsServiceServicer,
    OpsServiceStub,
    add_OpsServiceServicer_to_server,
)
from otklik_runtime import env, errors, keys, process, telemetry
from otklik_runtime.auth import Principal, TokenIssuer
from otklik_runtime.grpc_client import GrpcClients
from otklik_runtime.grpc_server import GrpcServer

NAME = "deadLetters/019a1234-5678-7abc-8def-0123456789ab"


class Settings(env.Settings):
    service: ClassVar[str] = "sample"
    unused: ClassVar[frozenset[str]] = frozenset(env.Settings.needed)


class Sample(OpsServiceServicer):
    async def GetDeadLetter(self, request, context):
        logging.getLogger("sample").info("answering")
        return pb.DeadLetter(name="ivan@example.com")

    async def DiscardDeadLetter(self, request, context):
        raise errors.NotFound("dead_letter_not_found", "no such letter: list them first")


class Story:
    name = "story"

    def __init__(self, stub):
        self.stub = stub

    async def run(self):
        with telemetry.tracer.start_as_current_span("story"):
            await self.stub.GetDeadLetter(pb.GetDeadLetterRequest(name=NAME))
            try:
                await self.stub.DiscardDeadLetter(
                    pb.DiscardDeadLetterRequest(name=NAME, reason="ivan@example.com")
                )
            except errors.NotFound:
                telemetry.count("otklik.dead_letters", reason="sample")
        # The story is told: the process ends.

    async def drain(self): ...

    def ready(self):
        return None


async def bootstrap(settings, stack):
    issuer = TokenIssuer([keys.generate()])
    server = GrpcServer(settings, [(add_OpsServiceServicer_to_server, Sample())], verifier=issuer)
    address = f"127.0.0.1:{server.port}"
    settings = settings.model_copy(update={"grpc_addresses": {"sample": address}})
    token = issuer.issue(Principal("agent", "a-1", frozenset({"operator"})))
    stub = GrpcClients(settings, stack).stub(OpsServiceStub, "sample", token=token)
    return [Story(stub), server]


process.main(Settings, bootstrap)
"""


class Receiver(
    trace_service_pb2_grpc.TraceServiceServicer,
    metrics_service_pb2_grpc.MetricsServiceServicer,
):
    """Takes what is sent by OTLP."""

    def __init__(self) -> None:
        self.spans: dict[str, Any] = {}
        self.resource: dict[str, str] = {}
        self.metrics: dict[str, Any] = {}
        self.bytes = b""
        self.address = ""

    async def Export(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.bytes += request.SerializeToString()
        if isinstance(request, metrics_service_pb2.ExportMetricsServiceRequest):
            for resource in request.resource_metrics:
                for scope in resource.scope_metrics:
                    self.metrics.update({metric.name: metric for metric in scope.metrics})
            return metrics_service_pb2.ExportMetricsServiceResponse()
        for resource in request.resource_spans:
            self.resource = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans.update({f"{span.name} {span.kind}": span for span in scope.spans})
        return trace_service_pb2.ExportTraceServiceResponse()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(receiver, server)
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(receiver, server)
    receiver.address = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield receiver
    await server.stop(None)


async def tell(tmp_path: Path, **environment: str) -> list[dict[str, Any]]:
    """Run the program to its end and give its logs."""
    program = tmp_path / "main.py"
    program.write_text(PROGRAM)
    clean = {name: value for name, value in os.environ.items() if "OTKLIK" not in name}  # noqa: TID251
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        program,
        "serve",
        env=clean | {"OTKLIK_ENVIRONMENT": "development"} | environment,
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await process.communicate()
    assert err == b""
    return [json.loads(line) for line in out.decode().splitlines()]


def attributes_of(thing: Any) -> dict[str, Any]:
    return {attribute.key: attribute.value.string_value for attribute in thing.attributes}


async def test_a_call_is_one_trace_across_client_and_server(tmp_path: Path, receiver: Receiver):
    logs = await tell(tmp_path, OTKLIK_TELEMETRY_ENDPOINT=receiver.address, OTKLIK_TRACE_RATIO="1")

    method = "otklik.ops.v1.OpsService/GetDeadLetter"
    story = receiver.spans["story 1"]
    client, server = receiver.spans[f"{method} 3"], receiver.spans[f"{method} 2"]
    assert {span.trace_id for span in (story, client, server)} == {story.trace_id}
    assert (client.parent_span_id, server.parent_span_id) == (story.span_id, client.span_id)
    assert attributes_of(server) == {
        "rpc.system.name": "grpc",
        "rpc.method": method,
        "rpc.status_code": "OK",
    }
    answering = next(line for line in logs if line["message"] == "answering")
    assert answering["trace_id"] == server.trace_id.hex()
    assert answering["span_id"] == server.span_id.hex()


async def test_a_refusal_is_no_fault_of_the_server_but_one_of_the_call(
    tmp_path: Path, receiver: Receiver
):
    await tell(tmp_path, OTKLIK_TELEMETRY_ENDPOINT=receiver.address, OTKLIK_TRACE_RATIO="1")

    method = "otklik.ops.v1.OpsService/DiscardDeadLetter"
    client, server = receiver.spans[f"{method} 3"], receiver.spans[f"{method} 2"]
    assert server.status.code == 0
    assert client.status.code == 2
    assert attributes_of(server)["otklik.error.code"] == "dead_letter_not_found"


async def test_what_is_sent_says_who_sends_it_and_nothing_about_people(
    tmp_path: Path, receiver: Receiver
):
    await tell(tmp_path, OTKLIK_TELEMETRY_ENDPOINT=receiver.address, OTKLIK_TRACE_RATIO="1")

    assert receiver.resource["service.name"] == "otklik-sample"
    assert receiver.resource["deployment.environment.name"] == "development"
    assert b"ivan" not in receiver.bytes


async def test_metrics_are_sent_before_the_process_ends(tmp_path: Path, receiver: Receiver):
    await tell(tmp_path, OTKLIK_TELEMETRY_ENDPOINT=receiver.address)

    assert receiver.metrics["otklik.dead_letters"].sum.data_points[0].as_int == 1
    calls = receiver.metrics["rpc.server.call.duration"]
    assert calls.unit == "s"
    assert {attributes_of(point)["rpc.status_code"] for point in calls.histogram.data_points} == {
        "OK",
        "NOT_FOUND",
    }
    assert 0.25 in calls.histogram.data_points[0].explicit_bounds


async def test_a_trace_that_is_not_kept_makes_no_span(tmp_path: Path, receiver: Receiver):
    logs = await tell(tmp_path, OTKLIK_TELEMETRY_ENDPOINT=receiver.address, OTKLIK_TRACE_RATIO="0")

    assert receiver.spans == {}
    assert any("trace_id" in line for line in logs if line["message"] == "answering")


async def test_without_an_endpoint_everything_works_and_nothing_is_sent(tmp_path: Path):
    logs = await tell(tmp_path)

    assert any(line["message"] == "answering" for line in logs)
