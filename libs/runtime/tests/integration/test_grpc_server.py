import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha import reflection_pb2

from otklik.ops.v1 import ops_service_pb2 as pb
from otklik.ops.v1.ops_service_pb2_grpc import OpsServiceStub, add_OpsServiceServicer_to_server
from otklik_runtime import deadlines, errors
from otklik_runtime.access import Access
from otklik_runtime.auth import Principal, TokenIssuer
from otklik_runtime.errors import CannotStart
from otklik_runtime.grpc_server import GrpcServer

NAME = "deadLetters/019a1234-5678-7abc-8def-0123456789ab"
REQUEST = pb.GetDeadLetterRequest(name=NAME)


def details_of(error: grpc.aio.AioRpcError) -> dict[str, Any]:
    found = {}
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            for packed in status_pb2.Status.FromString(value).details:
                assert isinstance(packed, any_pb2.Any)
                kind = packed.type_url.rpartition(".")[2]
                detail = getattr(error_details_pb2, kind)()
                packed.Unpack(detail)
                found[kind] = detail
    return found


async def refused(call: Any) -> tuple[grpc.StatusCode, str, dict[str, Any]]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    details = details_of(caught.value)
    return caught.value.code(), details["ErrorInfo"].reason, details


async def test_a_caller_with_the_role_is_answered_and_known_to_the_method(served: Any):
    answer = await OpsServiceStub(served.channel).GetDeadLetter(
        REQUEST, metadata=served.metadata("operator")
    )

    assert answer.reason == "agent/a-1"


async def test_a_call_without_token_is_told_where_to_get_one(served: Any):
    code, reason, _ = await refused(OpsServiceStub(served.channel).GetDeadLetter(REQUEST))

    assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING")
    with pytest.raises(grpc.aio.AioRpcError, match=r"IdentityService\.ExchangeToken"):
        await OpsServiceStub(served.channel).GetDeadLetter(REQUEST)


async def test_a_forged_token_and_an_expired_one_are_told_apart(served: Any):
    stub = OpsServiceStub(served.channel)
    operator = Principal("agent", "a-1", frozenset({"operator"}))
    from datetime import timedelta  # noqa: PLC0415

    from otklik_runtime import keys  # noqa: PLC0415

    forged = TokenIssuer([keys.generate()]).issue(operator)
    expired = served.issuer.issue(operator, lifetime=timedelta(seconds=-60))

    for token, expected in ((forged, "TOKEN_INVALID"), (expired, "TOKEN_EXPIRED")):
        metadata = (("authorization", f"Bearer {token}"),)
        code, reason, _ = await refused(stub.GetDeadLetter(REQUEST, metadata=metadata))
        assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, expected)


async def test_a_caller_without_the_role_is_told_who_may(served: Any):
    call = OpsServiceStub(served.channel).GetDeadLetter(REQUEST, metadata=served.metadata("agent"))

    code, reason, details = await refused(call)

    assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")
    assert details["ErrorInfo"].metadata["roles"] == "operator"


async def test_only_the_services_listed_for_a_method_may_call_it(served: Any):
    async def nothing(_: Any) -> AsyncIterator[Any]:
        return
        yield

    served.sample.read = nothing
    stub = OpsServiceStub(served.channel)

    for name, allowed in (("sla", True), ("desk", False)):
        token = served.token("service", kind="service", name=name)
        call = stub.ReadEvents(
            pb.ReadEventsRequest(), metadata=(("authorization", f"Bearer {token}"),)
        )
        if allowed:
            assert [event async for event in call] == []
        else:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                [event async for event in call]
            assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_who_calls_is_asked_before_what_is_sent(served: Any):
    wrong = pb.GetDeadLetterRequest(name="nonsense")

    _, reason, _ = await refused(OpsServiceStub(served.channel).GetDeadLetter(wrong))

    assert reason == "TOKEN_MISSING"


async def test_a_field_that_breaks_its_rule_is_named_by_its_path(served: Any):
    wrong = pb.DiscardDeadLetterRequest(name="nonsense", reason="x")
    call = OpsServiceStub(served.channel).DiscardDeadLetter(
        wrong, metadata=served.metadata("operator")
    )

    code, reason, details = await refused(call)

    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_INVALID")
    fields = [violation.field for violation in details["BadRequest"].field_violations]
    assert fields == ["name", "reason"]


async def test_bytes_that_are_no_request_are_refused_as_input(served: Any):
    method = served.channel.unary_unary("/otklik.ops.v1.OpsService/GetDeadLetter")

    code, reason, _ = await refused(method(b"\xff\xff\xff", metadata=served.metadata("operator")))

    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_UNDECODABLE")


@pytest.mark.parametrize(
    ("kind", "code", "detail"),
    [
        (errors.InvalidInput, grpc.StatusCode.INVALID_ARGUMENT, "BadRequest"),
        (errors.Unauthenticated, grpc.StatusCode.UNAUTHENTICATED, None),
        (errors.Forbidden, grpc.StatusCode.PERMISSION_DENIED, None),
        (errors.NotFound, grpc.StatusCode.NOT_FOUND, None),
        (errors.Conflict, grpc.StatusCode.ABORTED, None),
        (errors.RuleBroken, grpc.StatusCode.FAILED_PRECONDITION, "PreconditionFailure"),
        (errors.LimitExceeded, grpc.StatusCode.RESOURCE_EXHAUSTED, "QuotaFailure"),
        (errors.Unavailable, grpc.StatusCode.UNAVAILABLE, None),
    ],
)
async def test_every_kind_of_error_has_its_status_and_detail(
    served: Any, kind: type[errors.OtklikError], code: grpc.StatusCode, detail: str | None
):
    async def refuse(_: Any) -> None:
        raise kind("door_closed", "the door is closed: knock", field="door", door=7)

    served.sample.get = refuse

    call = OpsServiceStub(served.channel).GetDeadLetter(
        REQUEST, metadata=served.metadata("operator")
    )
    got, reason, details = await refused(call)

    assert (got, reason) == (code, "DOOR_CLOSED")
    assert details["ErrorInfo"].domain == "otklik.dev"
    assert details["ErrorInfo"].metadata["door"] == "7"
    assert detail is None or detail in details


async def test_a_fault_is_told_without_its_inside(served: Any, caplog: pytest.LogCaptureFixture):
    async def fail(_: Any) -> None:
        raise ZeroDivisionError("ivan@example.com")

    served.sample.get = fail

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await OpsServiceStub(served.channel).GetDeadLetter(
            REQUEST, metadata=served.metadata("operator")
        )

    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "ivan" not in str(caught.value)
    assert any(record.exc_info for record in caplog.records)


async def test_the_method_knows_how_long_the_caller_waits(served: Any):
    known = []

    async def look(request: Any) -> pb.DeadLetter:
        known.append(deadlines.remaining())
        return pb.DeadLetter()

    served.sample.get = look
    stub = OpsServiceStub(served.channel)
    metadata = served.metadata("operator")
    await stub.GetDeadLetter(REQUEST, metadata=metadata, timeout=7)
    await stub.GetDeadLetter(REQUEST, metadata=metadata)

    assert 6 < known[0] <= 7
    assert 29 < known[1] <= 30


async def test_work_ends_when_the_caller_gives_up(served: Any):
    ended = asyncio.Event()

    async def work(_: Any) -> None:
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()

    served.sample.get = work
    stub = OpsServiceStub(served.channel)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetDeadLetter(REQUEST, metadata=served.metadata("operator"), timeout=0.2)

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    async with asyncio.timeout(1):
        await ended.wait()


async def test_a_stream_ends_when_the_caller_goes_away(served: Any):
    closed = asyncio.Event()

    async def endless(_: Any) -> AsyncIterator[Any]:
        try:
            while True:
                yield pb.RecordedEvent(position=1)
                await asyncio.sleep(0.01)
        finally:
            closed.set()

    served.sample.read = endless
    call = OpsServiceStub(served.channel).ReadEvents(
        pb.ReadEventsRequest(), metadata=served.metadata("operator")
    )
    assert (await anext(aiter(call))).position == 1
    call.cancel()

    async with asyncio.timeout(2):
        await closed.wait()


async def test_an_error_in_the_middle_of_a_stream_ends_it_with_its_status(served: Any):
    async def breaks(_: Any) -> AsyncIterator[Any]:
        yield pb.RecordedEvent(position=1)
        raise errors.Unavailable("sea_gone", "the sea is gone: wait for the tide")

    served.sample.read = breaks
    answers = aiter(
        OpsServiceStub(served.channel).ReadEvents(
            pb.ReadEventsRequest(), metadata=served.metadata("operator")
        )
    )

    assert (await anext(answers)).position == 1
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await anext(answers)
    assert details_of(caught.value)["ErrorInfo"].reason == "SEA_GONE"


async def test_calls_on_their_way_are_finished_and_new_ones_go_elsewhere(served: Any):
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: Any) -> pb.DeadLetter:
        arrived.set()
        await go_on.wait()
        return pb.DeadLetter(name="done")

    served.sample.get = slow
    stub = OpsServiceStub(served.channel)
    asked = asyncio.ensure_future(stub.GetDeadLetter(REQUEST, metadata=served.metadata("operator")))
    await arrived.wait()
    draining = asyncio.create_task(served.server.drain())
    await asyncio.sleep(0)
    go_on.set()

    assert (await asked).name == "done"
    await draining
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetDeadLetter(REQUEST, metadata=served.metadata("operator"), timeout=2)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_health_is_open_to_anybody_and_follows_the_process(served: Any):
    stub = HealthStub(served.channel)
    check = health_pb2.HealthCheckRequest(service="otklik.ops.v1.OpsService")

    assert (await stub.Check(check)).status == health_pb2.HealthCheckResponse.SERVING
    watching = stub.Watch(health_pb2.HealthCheckRequest())
    seen = aiter(watching)
    assert (await anext(seen)).status == health_pb2.HealthCheckResponse.SERVING
    served.state.drain()
    assert (await stub.Check(check)).status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert (await anext(seen)).status == health_pb2.HealthCheckResponse.NOT_SERVING
    watching.cancel()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Check(health_pb2.HealthCheckRequest(service="nobody"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_is_there_for_those_with_a_token(served: Any, version: str):
    method = served.channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    question = [reflection_pb2.ServerReflectionRequest(list_services="")]

    answers = [answer async for answer in method(iter(question), metadata=served.metadata("agent"))]

    names = {service.name for service in answers[0].list_services_response.service}
    assert "otklik.ops.v1.OpsService" in names
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        [answer async for answer in method(iter(question))]
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_server_with_a_method_nobody_decided_about_does_not_start(served: Any):
    rules = Access.of({"grpc.health.v1.Health": {"Check": {"roles": ["anonymous"]}}})

    with pytest.raises(CannotStart, match=r"otklik\.ops\.v1\.OpsService/GetDeadLetter"):
        GrpcServer(
            served.settings,
            [(add_OpsServiceServicer_to_server, served.sample)],
            verifier=served.issuer,
            access=rules,
        )


async def test_a_taken_port_is_a_sentence_that_names_the_setting(served: Any):
    settings = served.settings.model_copy(update={"grpc_port": served.server.port})

    with pytest.raises(CannotStart, match="OTKLIK_SAMPLE_GRPC_PORT"):
        GrpcServer(settings, [], verifier=served.issuer)


async def test_a_server_that_could_recognise_nobody_does_not_start(served: Any):
    with pytest.raises(CannotStart, match="OTKLIK_SAMPLE_JWKS_URL"):
        GrpcServer(served.settings, [])


async def test_every_method_of_the_contracts_has_a_row(tmp_path: Path):
    import importlib  # noqa: PLC0415
    import pkgutil  # noqa: PLC0415

    import otklik  # noqa: PLC0415

    methods = []
    for module in pkgutil.walk_packages(otklik.__path__, "otklik."):
        if module.name.endswith("_service_pb2"):
            descriptor = importlib.import_module(module.name).DESCRIPTOR
            for service in descriptor.services_by_name.values():
                methods += [f"{service.full_name}/{method.name}" for method in service.methods]

    Access.load().require_rows(methods)
