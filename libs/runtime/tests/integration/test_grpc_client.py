import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from otklik.ops.v1 import ops_service_pb2 as pb
from otklik.ops.v1.ops_service_pb2_grpc import OpsServiceStub
from otklik_runtime import auth, deadlines, errors
from otklik_runtime.access import Access
from otklik_runtime.auth import Principal
from otklik_runtime.errors import CannotStart, Forbidden, Unauthenticated, Unavailable
from otklik_runtime.grpc_client import GrpcClients

REQUEST = pb.GetDeadLetterRequest(name="deadLetters/019a1234-5678-7abc-8def-0123456789ab")


@pytest.fixture
def open_to_services(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let services call what only operators may."""
    monkeypatch.setattr(Access, "require", lambda *_: None)


async def test_a_service_calls_another_with_its_own_token(served: Any, open_to_services: None):
    clients = GrpcClients(served.settings, served.stack)
    stub = clients.stub(OpsServiceStub, "sample")

    answers = await asyncio.gather(*(stub.GetDeadLetter(REQUEST) for _ in range(10)))

    assert {answer.reason for answer in answers} == {"service/sample"}
    assert served.identity.exchanges == 1


async def test_a_person_is_represented_by_their_own_token(served: Any):
    token = served.token("operator", name="a-7")
    stub = GrpcClients(served.settings, served.stack).stub(OpsServiceStub, "sample", token=token)

    assert (await stub.GetDeadLetter(REQUEST)).reason == "agent/a-7"


async def test_a_status_comes_back_as_the_fact_it_was(served: Any):
    async def refuse(_: Any) -> None:
        raise errors.RuleBroken("door_closed", "the door is closed: knock", door="7")

    served.sample.get = refuse
    stub = GrpcClients(served.settings, served.stack).stub(
        OpsServiceStub, "sample", token=served.token("operator")
    )

    with pytest.raises(errors.RuleBroken) as caught:
        await stub.GetDeadLetter(REQUEST)

    assert caught.value.code == "door_closed"
    assert caught.value.message == "the door is closed: knock"
    assert caught.value.facts == {"door": "7"}


async def test_wrong_fields_come_back_with_their_paths(served: Any):
    stub = GrpcClients(served.settings, served.stack).stub(
        OpsServiceStub, "sample", token=served.token("operator")
    )

    with pytest.raises(errors.InvalidInput) as caught:
        await stub.DiscardDeadLetter(pb.DiscardDeadLetterRequest(name="x", reason="x"))

    assert [where for where, _ in caught.value.facts["violations"]] == ["name", "reason"]


async def test_a_token_refused_for_its_age_is_exchanged_anew(served: Any, open_to_services: None):
    clients = GrpcClients(served.settings, served.stack)
    stub = clients.stub(OpsServiceStub, "sample")
    await stub.GetDeadLetter(REQUEST)
    own = clients._own_token()
    own._token = served.issuer.issue(
        Principal("service", "sample", frozenset({"service"})), lifetime=timedelta(seconds=-60)
    )

    assert (await stub.GetDeadLetter(REQUEST)).reason == "service/sample"
    assert served.identity.exchanges == 2


async def test_a_persons_token_is_never_replaced_by_ours(served: Any):
    stub = GrpcClients(served.settings, served.stack).stub(
        OpsServiceStub, "sample", token="nonsense"
    )

    with pytest.raises(Unauthenticated):
        await stub.GetDeadLetter(REQUEST)
    assert served.identity.exchanges == 0


async def test_what_our_caller_still_waits_is_handed_on(served: Any):
    known = []

    async def look(_: Any) -> pb.DeadLetter:
        known.append(deadlines.remaining())
        return pb.DeadLetter()

    served.sample.get = look
    stub = GrpcClients(served.settings, served.stack).stub(
        OpsServiceStub, "sample", token=served.token("operator")
    )
    await stub.GetDeadLetter(REQUEST)
    with deadlines.within(2):
        await stub.GetDeadLetter(REQUEST)
    with deadlines.within(0.012), pytest.raises(Unavailable, match="no time left"):
        await stub.GetDeadLetter(REQUEST)

    assert 4 < known[0] <= 5
    assert 1 < known[1] <= 2


async def test_work_of_a_chain_ends_soon_after_its_deadline(served: Any):
    ended = asyncio.Event()

    async def work(_: Any) -> None:
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()

    served.sample.get = work
    stub = GrpcClients(served.settings, served.stack).stub(
        OpsServiceStub, "sample", token=served.token("operator")
    )

    with deadlines.within(0.2), pytest.raises(Unavailable) as caught:
        await stub.GetDeadLetter(REQUEST)

    assert caught.value.code == "deadline_exceeded"
    async with asyncio.timeout(1):
        await ended.wait()


async def test_a_service_that_does_not_answer_is_asked_again_and_then_unavailable(served: Any):
    times = 0

    async def unavailable_twice(request: Any) -> Any:
        nonlocal times
        times += 1
        if times < 3:
            raise Unavailable("sea_gone", "the sea is gone: wait")
        return pb.DeadLetter(name="back")

    served.sample.get = unavailable_twice
    clients = GrpcClients(served.settings, served.stack)
    stub = clients.stub(OpsServiceStub, "sample", token=served.token("operator"))

    assert (await stub.GetDeadLetter(REQUEST)).name == "back"
    assert times == 3

    settings = served.settings.model_copy(update={"grpc_addresses": {"gone": "127.0.0.1:1"}})
    gone = GrpcClients(settings, served.stack).stub(OpsServiceStub, "gone", token="x" * 20)
    with pytest.raises(Unavailable):
        await gone.GetDeadLetter(REQUEST, timeout=5)


async def test_many_answers_are_streamed_and_their_error_is_a_fact(served: Any):
    async def breaks(_: Any) -> AsyncIterator[Any]:
        yield pb.RecordedEvent(position=1)
        yield pb.RecordedEvent(position=2)
        raise Forbidden("no_further", "no further: turn back")

    served.sample.read = breaks
    stub = GrpcClients(served.settings, served.stack).stub(
        OpsServiceStub, "sample", token=served.token("operator")
    )
    answers = aiter(stub.ReadEvents(pb.ReadEventsRequest()))

    assert [(await anext(answers)).position for _ in range(2)] == [1, 2]
    with pytest.raises(Forbidden):
        await anext(answers)


async def test_a_stream_that_is_left_early_ends_at_the_other_side(served: Any):
    closed = asyncio.Event()

    async def endless(_: Any) -> AsyncIterator[Any]:
        try:
            while True:
                yield pb.RecordedEvent(position=1)
                await asyncio.sleep(0.01)
        finally:
            closed.set()

    served.sample.read = endless
    stub = GrpcClients(served.settings, served.stack).stub(
        OpsServiceStub, "sample", token=served.token("operator")
    )
    answers = stub.ReadEvents(pb.ReadEventsRequest())
    await anext(aiter(answers))
    await answers.aclose()

    async with asyncio.timeout(2):
        await closed.wait()


async def test_without_a_key_or_an_address_the_process_does_not_start(served: Any):
    keyless = served.settings.model_copy(update={"private_key_file": None})

    with pytest.raises(CannotStart, match="OTKLIK_SAMPLE_PRIVATE_KEY_FILE"):
        GrpcClients(keyless, served.stack).stub(OpsServiceStub, "sample")
    with pytest.raises(CannotStart, match="OTKLIK_GRPC_ADDRESSES"):
        GrpcClients(served.settings, served.stack).stub(OpsServiceStub, "nobody", anonymous=True)


def test_nobody_calls_outside_of_a_call():
    assert auth.principal() == auth.ANONYMOUS
