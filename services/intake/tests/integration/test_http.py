import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from otklik_intake.bootstrap import _http
from otklik_intake.entrypoints.submission_door import SubmissionDoor
from otklik_runtime.http_app import HttpServer

FIELDS = {
    "name": "Анна",
    "email": "Anna@Customer.example",
    "service": "services/terminals",
    "subject": "Терминал не печатает",
    "text": "С утра не печатает чеки.",
}


@pytest.fixture
async def client(service_settings, door, intake, catalogue) -> AsyncIterator[httpx.AsyncClient]:
    server = HttpServer(_http(service_settings, door, intake.accounts, catalogue), service_settings)
    running = asyncio.create_task(server.run())
    base = f"http://127.0.0.1:{server.port}"
    async with httpx.AsyncClient(base_url=base, timeout=20) as opened:
        yield opened
    await server.drain()
    await running


def request_id_of(page: str) -> str:
    found = re.search(r'name="request_id" value="([^"]+)"', page)
    assert found
    return found[1]


async def test_the_form_speaks_the_readers_language_and_lists_the_catalogue(client):
    russian = await client.get("/form", headers={"accept-language": "ru"})
    english = await client.get("/form?lang=en", headers={"accept-language": "ru"})

    assert russian.status_code == 200
    assert "Обращение в поддержку" in russian.text
    assert "Терминалы" in russian.text
    assert "Contact us" in english.text
    assert "Terminals" in english.text
    assert 'lang="en"' in english.text


async def test_the_pages_need_nothing_inline_and_nothing_from_elsewhere(client):
    page = await client.get("/form")
    policy = page.headers["content-security-policy"]
    stylesheet = re.search(r'href="([^"]+\.css)"', page.text)
    assert stylesheet
    styles = await client.get(stylesheet[1])

    assert policy.startswith("default-src 'none'; style-src 'self'")
    assert "unsafe" not in policy
    assert not re.search(r"<script|style=|<style| on[a-z]+=|https?://", page.text)
    assert styles.headers["content-type"].startswith("text/css")
    assert "immutable" in styles.headers["cache-control"]


async def test_a_sent_form_is_stored_with_its_files_and_leads_to_the_thanks(client, intake):
    page = await client.get("/form?lang=ru")
    answer = await client.post(
        "/form?lang=ru",
        data={**FIELDS, "request_id": request_id_of(page.text)},
        files=[("files", ("экран.png", b"\x89PNG", "image/png")), ("files", ("", b"", ""))],
    )
    thanks = await client.get(answer.headers["location"])
    await intake.read()

    (said,) = await intake.said()
    assert answer.status_code == 303
    assert "Сообщение получено" in thanks.text
    assert said.message.sender_address == "anna@customer.example"
    assert said.message.sender_name == "Анна"
    assert said.message.service == "services/terminals"
    assert said.message.locale == "ru"
    assert said.message.channel == 2
    assert said.message.reply_route.account == "channelAccounts/support-mail"
    assert [file.filename for file in said.message.attachments] == ["экран.png"]


async def test_a_second_press_is_harmless_and_other_words_are_another_message(client, intake):
    form = {**FIELDS, "request_id": request_id_of((await client.get("/form")).text)}
    for text in ("same", "same", "something else"):
        answer = await client.post("/form", data={**form, "text": text})
        assert answer.status_code == 303
    await intake.read()

    assert [said.message.text for said in await intake.said()] == ["same", "something else"]


async def test_missing_fields_are_named_and_what_was_written_stays(client, intake):
    answer = await client.post(
        "/form?lang=en",
        data={"email": "no address", "text": "<b>kept</b>", "request_id": "x"},
        files=[("files", ("a.txt", b"x", "text/plain"))],
    )

    assert answer.status_code == 422
    assert "Error: Contact us" in answer.text
    assert '<a href="#subject">' in answer.text
    assert '<a href="#email">' in answer.text
    assert '<a href="#text">' not in answer.text
    assert "&lt;b&gt;kept&lt;/b&gt;" in answer.text
    assert 'value="no address"' in answer.text
    assert "choose them again" in answer.text
    assert await intake.scalar("select count(*) from items") == 0


async def test_a_service_that_left_the_catalogue_is_named(client, intake):
    answer = await client.post("/form?lang=en", data={**FIELDS, "service": "services/gone"})

    assert answer.status_code == 422
    assert "no longer in the catalogue" in answer.text


async def test_the_form_works_without_the_catalogue(client, intake, catalogue):
    catalogue.down = True
    page = await client.get("/form")
    answer = await client.post("/form", data=FIELDS)
    await intake.read()

    assert 'name="service"' not in page.text
    assert answer.status_code == 303
    assert len(await intake.said()) == 1


async def test_what_a_machine_filled_in_is_recorded_as_refused(client, intake):
    answer = await client.post("/form", data={**FIELDS, "website": "http://spam.example"})
    await intake.read()

    (said,) = await intake.said()
    (balance,) = await intake.views.ledger()
    assert answer.status_code == 303
    assert said.type == "MessageRefused"
    assert said.message.reason == "honeypot"
    assert balance.received == 1


async def test_too_much_is_refused_before_it_is_read(client, intake):
    answer = await client.post(
        "/form?lang=en", data=FIELDS, files={"files": ("big.bin", b"x" * 5_000_000)}
    )

    assert answer.status_code == 413
    assert "larger than 2 MB" in answer.text
    assert await intake.scalar("select count(*) from items") == 0


async def test_too_much_without_an_announced_length_is_refused_too(client, intake):
    async def endless():
        for _ in range(100):
            yield b"x" * 65536

    answer = await client.post("/v1/requests", content=endless(), headers={"idempotency-key": "k"})

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_program_is_answered_202_and_the_same_again_for_the_same_key(client, intake):
    headers = {"idempotency-key": '"8e03978e-40d5"'}
    first = await client.post("/v1/requests", json=FIELDS, headers=headers)
    again = await client.post("/v1/requests", json=FIELDS, headers=headers)
    other = await client.post("/v1/requests", json={**FIELDS, "text": "x"}, headers=headers)
    await intake.read()

    assert first.status_code == 202
    assert first.json()["name"].startswith("items/")
    assert again.json() == first.json()
    assert other.status_code == 409
    assert other.json()["code"] == "request_id_reused"
    assert len(await intake.said()) == 1


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"email", "subject", "text"}),
        ({**FIELDS, "email": "x"}, {"email"}),
        ({**FIELDS, "subject": "a\nb", "locale": "de"}, {"subject", "locale"}),
        ({**FIELDS, "subject": 7, "colour": "red"}, {"subject", "colour"}),
        ({**FIELDS, "service": "services/gone"}, {"service"}),
        ({**FIELDS, "text": "x" * 100_001}, {"text"}),
        ([], {"body"}),
    ],
)
async def test_a_wrong_request_names_each_field(client, intake, body, fields):
    answer = await client.post("/v1/requests", json=body, headers={"idempotency-key": "k"})

    problem = answer.json()
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert {one["field"] for one in problem["errors"]} == fields
    assert all(one["detail"] for one in problem["errors"])
    assert await intake.scalar("select count(*) from items") == 0


async def test_a_request_without_a_key_is_told_to_send_one(client):
    answer = await client.post("/v1/requests", json=FIELDS)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'"text"', b"[" * 100_000])
async def test_a_body_that_is_no_object_is_told_so(client, body):
    answer = await client.post("/v1/requests", content=body, headers={"idempotency-key": "k"})

    assert answer.status_code == 422


async def test_who_sends_too_much_waits(client):
    answers = [
        await client.post("/v1/requests", json={}, headers={"idempotency-key": "k"})
        for _ in range(21)
    ]
    shown = await client.post("/form?lang=en", data=FIELDS)

    assert [one.status_code for one in answers] == [422] * 20 + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert shown.status_code == 429
    assert "too many requests" in shown.text
    assert FIELDS["text"] in shown.text


async def test_while_storage_is_down_programs_and_people_are_told_when_to_come_back(
    own_postgres_server, make_intake, service_settings, catalogue
):
    intake = await make_intake(await own_postgres_server.create_database("intake"))
    door = SubmissionDoor(intake.reception, intake.accounts, catalogue)
    await intake.accounts.current()
    server = HttpServer(_http(service_settings, door, intake.accounts, catalogue), service_settings)
    running = asyncio.create_task(server.run())
    headers = {"idempotency-key": "k"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        await own_postgres_server.stop()
        program = await client.post("/v1/requests", json=FIELDS, headers=headers, timeout=30)
        person = await client.post("/form?lang=en", data=FIELDS, timeout=30)
        await own_postgres_server.start()
        later = await client.post("/v1/requests", json=FIELDS, headers=headers, timeout=30)
    await server.drain()
    await running

    assert program.status_code == 503
    assert program.headers["retry-after"] == "30"
    assert person.status_code == 503
    assert FIELDS["text"] in person.text
    assert later.status_code == 202
    assert await intake.scalar("select count(*) from items") == 1


async def test_a_page_that_is_not_there_is_told_in_words(client):
    page = await client.get("/form/nothing?lang=ru")
    document = await client.get("/nothing")

    assert page.status_code == 404
    assert "Такой страницы нет" in page.text
    assert document.json()["status"] == 404
