"""Pages: the policy of what may run, languages, zones, what is missing, what is not there."""

import re

import pytest

from otklik_runtime.errors import Unavailable
from otklik_runtime.ids import new_id

POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types htmx"
)


@pytest.fixture
def pages(ticket_page):
    return ["/", "/tickets", ticket_page, f"{ticket_page}/conversation", "/nothing", "/c/wrong"]


async def test_every_page_has_the_policy_and_a_nonce_of_its_own(agent, pages):
    nonces = set()
    for path in pages:
        answer = await agent.get(path)
        if answer.is_redirect:
            continue
        nonce = re.search(r"'nonce-([^']+)'", answer.headers["content-security-policy"]).group(1)
        assert answer.headers["content-security-policy"] == POLICY.format(nonce=nonce)
        assert nonce not in nonces
        nonces.add(nonce)
        marked = set(re.findall(r'nonce="([^"]+)"', answer.text))
        assert marked == {nonce}
    assert len(nonces) >= 5


async def test_what_strangers_wrote_is_text_and_nothing_else(agent, services, ticket_page):
    services.customer_writes('<img src=x onerror=alert(1)><div hx-get="/sign-out">')

    await agent.get(ticket_page)

    assert "<img src=x" not in agent.page.text
    assert '<div hx-get="/sign-out"' not in agent.page.text
    assert "&lt;img src=x" in agent.page.text


@pytest.mark.parametrize(
    ("headers", "query", "locale"),
    [
        ({}, "", "ru"),
        ({"accept-language": "en-GB,en;q=0.9"}, "", "en"),
        ({"accept-language": "de, en;q=0.5"}, "", "en"),
        ({"accept-language": "en"}, "?lang=ru", "ru"),
        ({"accept-language": "ru"}, "?lang=en", "en"),
        ({"accept-language": "ru"}, "?lang=xx", "ru"),
    ],
)
async def test_the_language_is_asked_for_or_the_browsers(a_browser, headers, query, locale):
    browser = a_browser()

    answer = await browser.get(f"/{query}", **headers)

    assert answer.headers["content-language"] == locale
    assert f'<html lang="{locale}">' in answer.text


async def test_a_language_that_was_asked_for_is_kept(agent):
    await agent.get("/tickets?lang=en")

    answer = await agent.get("/tickets")

    assert answer.headers["content-language"] == "en"


async def test_an_agents_own_language_goes_before_the_browsers(agent):
    answer = await agent.get("/tickets", **{"accept-language": "en"})

    assert answer.headers["content-language"] == "ru"


async def test_times_are_in_the_readers_zone_and_a_strange_zone_does_no_harm(agent, ticket_page):
    # 09:01 in UTC
    for zone, time in (
        ("Asia/Yekaterinburg", "14:01"),
        ("../../etc/passwd", "12:01"),
        ("", "12:01"),
    ):
        agent.http.cookies.set("otklik-zone", zone, domain="desk.example")
        await agent.get(ticket_page)
        assert f"{time}</time>" in agent.page.text


async def test_a_page_shows_what_it_has_and_says_what_it_lacks(agent, services, ticket_page):
    gone = Unavailable("deadline_exceeded", "no answer")
    services.failures |= {"clocks": gone, "deliveries": gone, "surveys": gone}

    answer = await agent.get(ticket_page)

    assert answer.status_code == 200
    assert "Не удалось узнать: сроки, отправленное, оценку." in agent.text()
    assert "Кассы" in agent.text()


async def test_a_list_can_be_narrowed_and_turned(agent, services):
    answer = await agent.get("/tickets?state=waiting&whose=mine")

    [asked] = services.calls["tickets"]
    assert [str(each) for each in asked["wanted"].meanings] == [
        "waiting_for_customer",
        "waiting_for_supplier",
    ]
    assert asked["wanted"].assignee_id
    assert 'href="/tickets?state=waiting&amp;whose=mine&amp;page=further"' in answer.text


async def test_a_number_leads_straight_to_its_ticket(agent, ticket_page):
    answer = await agent.get("/tickets?number=ot-000001")

    assert answer.headers["location"] == ticket_page


async def test_an_unknown_filter_is_taken_as_none(agent):
    assert (await agent.get("/tickets?state=nonsense&whose=theirs")).status_code == 200


@pytest.mark.parametrize("path", ["/tickets/nonsense", f"/tickets/{new_id()}", "/nowhere"])
async def test_what_is_not_there_is_said_so_with_a_way_back(agent, path):
    answer = await agent.get(path)

    assert answer.status_code == 404
    assert 'href="/"' in answer.text


async def test_a_program_gets_a_document(agent):
    answer = await agent.get("/nowhere", accept="application/json")

    assert answer.json()["status"] == 404


async def test_a_file_is_always_saved_and_never_shown(agent, ticket_page, file_id):
    answer = await agent.get(f"{ticket_page}/attachments/{file_id}")

    assert answer.content == b"12345"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == (
        'attachment; filename="______ _1_.log"; '
        "filename*=UTF-8''%D0%B6%D1%83%D1%80%D0%BD%D0%B0%D0%BB%20%221%22.log"
    )


async def test_a_file_that_is_not_there_is_a_page(agent, ticket_page):
    answer = await agent.get(f"{ticket_page}/attachments/{new_id()}")

    assert answer.status_code == 404
    assert "Такого файла нет" in agent.text()


async def test_probes_need_nobody_to_be_signed_in(a_browser):
    browser = a_browser()

    assert (await browser.get("/livez")).json() == {"status": "ok"}
