import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import ClassVar

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

from otklik_runtime import env, errors, health
from otklik_runtime.http_app import HttpServer, Problem, http_app
from otklik_runtime.http_server import probe_app


class Settings(env.Settings):
    service: ClassVar[str] = "sample"


class Thing(BaseModel):
    size: int


class Part:
    name = "part"
    why: str | None = "waits for the sea"

    async def run(self) -> None: ...

    async def drain(self) -> None: ...

    def ready(self) -> str | None:
        return self.why


SETTINGS = Settings(environment="development", http_port=0)


def an_app() -> FastAPI:
    app = http_app(SETTINGS, "Sample", max_body_bytes=1000)

    @app.get("/refuse/{kind}")
    async def refuse(kind: str) -> None:
        raise getattr(errors, kind)(
            "door_closed", "the door is closed: knock", door="7", field="door"
        )

    @app.post("/things")
    async def take(thing: Thing) -> Thing:
        return thing

    @app.get("/fault")
    async def fault() -> None:
        raise ZeroDivisionError("ivan@example.com")

    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    server = HttpServer(an_app(), SETTINGS)
    running = asyncio.create_task(server.run())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        yield client
    await server.drain()
    await running


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("InvalidInput", 422),
        ("Unauthenticated", 401),
        ("Forbidden", 403),
        ("NotFound", 404),
        ("Conflict", 409),
        ("RuleBroken", 409),
        ("LimitExceeded", 429),
        ("Unavailable", 503),
    ],
)
async def test_every_kind_of_error_is_a_problem_document(
    client: httpx.AsyncClient, kind: str, status: int
):
    answer = await client.get(f"/refuse/{kind}")

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["type"] == "https://otklik.dev/errors/door_closed"
    assert document["status"] == status
    assert document["detail"] == "the door is closed: knock"
    assert document["facts"] == {"door": "7"}
    assert document["errors"] == [{"field": "door", "detail": "the door is closed: knock"}]


async def test_what_is_temporarily_gone_says_when_to_come_back(client: httpx.AsyncClient):
    assert (await client.get("/refuse/Unavailable")).headers["retry-after"] == "1"


async def test_invalid_input_names_the_field_and_does_not_repeat_what_was_sent(
    client: httpx.AsyncClient,
):
    answer = await client.post("/things", json={"size": "hunter2"})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "size"
    assert "hunter2" not in answer.text


async def test_a_fault_is_told_without_its_inside_and_logged(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.ERROR):
        answer = await client.get("/fault")

    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert "ZeroDivision" not in answer.text
    assert any(record.exc_info for record in caplog.records)


async def test_a_body_that_is_too_large_is_refused(client: httpx.AsyncClient):
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"x" * 100

    announced = await client.post("/things", content=b"x" * 2000)
    streamed = await client.post(
        "/things", content=endless(), headers={"content-type": "application/json"}
    )

    assert (announced.status_code, streamed.status_code) == (413, 413)
    assert streamed.json()["code"] == "request_too_large"


async def test_unknown_paths_and_methods_are_problems_too(client: httpx.AsyncClient):
    unknown = await client.get("/nowhere")
    wrong = await client.delete("/things")

    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")


async def test_every_answer_carries_the_security_headers(client: httpx.AsyncClient):
    for path in ("/nowhere", "/fault", "/livez", "/refuse/Forbidden"):
        headers = (await client.get(path)).headers

        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers


async def test_a_person_gets_a_page_where_the_service_has_one():
    async def page(_: Request, problem: Problem) -> Response:
        return Response(f"<h1>{problem.code}</h1>", problem.status, media_type="text/html")

    app = http_app(SETTINGS, "Sample", page=page)

    @app.get("/fault")
    async def fault() -> None:
        raise ZeroDivisionError

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/nowhere")).text == "<h1>not_found</h1>"
        assert (await client.get("/fault")).text == "<h1>internal</h1>"


@pytest.mark.parametrize("framework", [True, False])
async def test_ready_is_false_until_every_part_is_and_again_when_the_process_ends(
    *, framework: bool
):
    state = health.begin()
    app = http_app(SETTINGS, "Sample") if framework else probe_app()
    part = Part()
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:

        async def ask() -> list[int]:
            return [
                (await client.get(path)).status_code for path in ("/livez", "/readyz", "/startupz")
            ]

        assert await ask() == [200, 503, 503]
        state.watch([part])
        answer = await client.get("/readyz")
        assert answer.json()["reason"] == "part: waits for the sea"
        part.why = None
        assert await ask() == [200, 200, 200]
        part.why = "lost the sea"
        assert await ask() == [200, 503, 200]
        part.why = None
        state.drain()
        assert await ask() == [200, 503, 200]


async def test_the_bare_application_publishes_documents():
    app = probe_app({"/.well-known/jwks.json": lambda: {"keys": []}})
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/.well-known/jwks.json")
        unknown = await client.get("/else")

    assert json.loads(answer.text) == {"keys": []}
    assert unknown.status_code == 404


async def test_a_request_on_its_way_is_finished_before_the_server_ends():
    app = http_app(SETTINGS, "Sample")
    arrived, go_on = asyncio.Event(), asyncio.Event()

    @app.get("/slow")
    async def slow() -> str:
        arrived.set()
        await go_on.wait()
        return "done"

    server = HttpServer(app, SETTINGS)
    running = asyncio.create_task(server.run())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        asked = asyncio.create_task(client.get("/slow"))
        await arrived.wait()
        await server.drain()
        go_on.set()
        answer = await asked
        await running

    assert answer.json() == "done"


async def test_a_taken_port_is_a_sentence_that_names_the_setting():
    first = HttpServer(an_app(), SETTINGS)
    second = SETTINGS.model_copy(update={"http_port": first.port})
    running = asyncio.create_task(first.run())

    with pytest.raises(errors.CannotStart, match="OTKLIK_SAMPLE_HTTP_PORT"):
        HttpServer(an_app(), second)

    await first.drain()
    await running
