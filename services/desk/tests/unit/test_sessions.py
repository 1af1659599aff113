"""Signing in and out, following a link, and what others may not see."""

import pytest

from otklik_runtime.errors import Unauthenticated
from otklik_runtime.ids import new_id


async def test_signing_in_leads_back_to_the_page_that_was_asked_for(a_browser, ticket_page):
    browser = a_browser()
    asked = await browser.get(f"{ticket_page}?lang=en")
    assert asked.headers["location"].startswith("/sign-in?to=")

    begun = await browser.get(asked.headers["location"])
    assert begun.headers["location"].startswith("https://provider.example/authorize?")
    back = await browser.http.get(
        "/sign-in/return", params={"code": "maria", "state": "state-of-this-sign-in"}
    )

    assert back.headers["location"] == f"{ticket_page}?lang=en"
    assert (await browser.get(ticket_page)).status_code == 200


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:1",
    ],
)
async def test_signing_in_leads_nowhere_else(a_browser, to):
    back = await a_browser().sign_in(to=to)

    assert back.headers["location"] == "/tickets"


async def test_a_return_that_was_not_begun_here_is_refused(a_browser):
    answer = await a_browser().get("/sign-in/return?code=maria&state=state-of-this-sign-in")

    assert answer.status_code == 401
    assert "устарела" in answer.text
    assert "set-cookie" not in answer.headers


async def test_somebody_without_a_place_at_the_desk_is_told_so(a_browser):
    browser = a_browser()

    answer = await browser.sign_in("stranger")

    assert answer.status_code == 401
    assert "Вас нет среди сотрудников поддержки" in answer.text


async def test_the_cookie_can_neither_be_read_nor_made(agent, identity):
    cookie = agent.http.cookies["otklik-desk"]
    assert not any(token in cookie for token in identity.sessions)

    agent.http.cookies.set("otklik-desk", cookie[:-4] + "AAAA", domain="desk.example")

    assert (await agent.get("/tickets")).headers["location"].startswith("/sign-in")


async def test_the_cookie_is_for_the_browser_alone(a_browser):
    answer = await a_browser().sign_in()

    [cookie] = [each for each in answer.headers.get_list("set-cookie") if "otklik-desk=" in each]
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))


async def test_an_access_token_is_asked_for_once_in_a_while(agent, identity):
    for _ in range(5):
        await agent.get("/tickets")

    assert identity.exchanges == 0


async def test_a_token_that_a_service_refuses_is_not_used_again(agent, identity, services):
    services.failures["tickets"] = Unauthenticated("token_expired", "expired")
    assert (await agent.get("/tickets")).headers["location"].startswith("/sign-in")
    services.failures.clear()

    await agent.get("/tickets")

    assert identity.exchanges == 1


async def test_signing_out_ends_the_session_everywhere(agent, identity, ticket_page):
    cookies = dict(agent.http.cookies)
    await agent.get(ticket_page)

    answer = await agent.submit("/sign-out")

    assert (answer.status_code, identity.sessions) == (303, {})
    agent.http.cookies.update(cookies)
    assert (await agent.get("/tickets")).headers["location"].startswith("/sign-in")


async def test_another_site_cannot_sign_anybody_out(agent, identity):
    answer = await agent.http.post("/sign-out", data={"mark": ""})

    assert answer.status_code == 403
    assert identity.sessions


async def test_a_page_that_refreshes_itself_is_not_led_away(agent, identity, ticket_page):
    agent.http.cookies.clear()

    answer = await agent.get(f"{ticket_page}/conversation", **{"hx-request": "true"})

    assert answer.status_code == 401
    assert "location" not in answer.headers


async def test_a_link_shows_its_request_and_its_secret_leaves_the_address(a_browser, request_page):
    customer = a_browser()

    followed = await customer.get("/c/link-of-anna")

    assert followed.headers["location"] == request_page
    [cookie] = followed.headers.get_list("set-cookie")
    assert f"Path={request_page}" in cookie
    assert (await customer.get(request_page)).status_code == 200
    assert "Нет интернета" in customer.text()


async def test_another_request_looks_like_one_that_is_not_there(a_browser, request_page, file_id):
    customer, stranger = a_browser(), a_browser()
    await customer.get("/c/link-of-anna")
    other = f"/my/{new_id()}"

    answers = [
        await customer.get(other),
        await stranger.get(request_page),
        await stranger.get(f"{request_page}/attachments/{file_id}"),
        await stranger.get("/c/wrong"),
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert all("Такого обращения нет или оно не ваше" in answer.text for answer in answers)


async def test_a_customer_is_nobody_at_the_desk(a_browser, ticket_page):
    customer = a_browser()
    await customer.get("/c/link-of-anna")

    assert (await customer.get(ticket_page)).headers["location"].startswith("/sign-in")


async def test_a_customer_sees_no_notes_and_no_names_of_accounts(a_browser, services, request_page):
    customer = a_browser()
    await customer.get("/c/link-of-anna")

    await customer.get(request_page)

    assert "Мария И." in customer.text()
    assert not services.calls["notes"]
    assert "Заметка" not in customer.text()


async def test_leaving_closes_the_link_on_this_device(a_browser, identity, request_page):
    customer = a_browser()
    await customer.get("/c/link-of-anna")
    await customer.get(request_page)

    await customer.submit(f"{request_page}/leave")

    assert identity.sessions == {}
    assert (await customer.get(request_page)).status_code == 404
