"""A customer follows the link of a mail: what is owed, by when, and nobody else's request."""

import re

import pytest
from playwright.async_api import expect

pytestmark = [
    pytest.mark.system("chromium"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]

OWED = {
    "ru": re.compile(r"Ответим .*до \d\d:\d\d|Сейчас вне графика\. Часы пойдут .*, ответим "),
    "en": re.compile(r"We will reply by|Outside support hours now\. The clock starts .*; reply "),
}
STATE = {"ru": "В работе", "en": "In progress"}
WHY = {"ru": "Почему такой срок", "en": "Why this deadline"}
TARGET = {"ru": "рабочего времени", "en": "of working time"}


@pytest.mark.parametrize("locale", OWED)
async def test_a_link_shows_the_state_the_deadline_and_why(visit, scene, locale):
    story = await scene.request("Charged twice", "For October.", locale=locale, name="Emily")
    customer = await visit(locale="de-DE")
    page = customer.page

    await customer.go(story.link)

    # The secret of the link does not stay in the address, where shoulders and histories see it.
    assert "/my/" in page.url
    assert story.link.rpartition("/")[2] not in page.url
    await expect(page.locator("html")).to_have_attribute("lang", locale)
    await expect(page.locator(".owed .state")).to_have_text(STATE[locale])
    await expect(page.locator(".owed-line").first).to_have_text(OWED[locale])
    await page.get_by_text(WHY[locale]).click()
    await expect(page.locator("#why li").first).to_contain_text(TARGET[locale])
    await expect(page.locator(".message-customer")).to_contain_text("For October.")


async def test_what_the_desk_writes_for_itself_is_never_shown(visit, scene):
    story = await scene.request("Тайна", "Вопрос.")
    agent, customer = await visit(), await visit()
    await agent.sign_in("Мария Иванова")
    await agent.find(story.number)
    await agent.page.get_by_text("Заметка для своих", exact=True).click()
    await agent.page.locator("#note-text").fill("Секрет для своих")
    await agent.page.get_by_role("button", name="Записать для своих").click()
    await agent.page.locator("#answer-text").fill("Ответ для всех")
    await agent.page.get_by_role("button", name="Отправить клиенту").click()
    await agent.page.wait_for_url("**done=answer")

    await customer.go(story.link)

    await expect(customer.page.locator(".message-desk")).to_contain_text("Ответ для всех")
    await expect(customer.page.locator(".message-desk")).to_contain_text("Мария И.")
    assert "Секрет" not in await customer.page.content()


async def test_another_request_looks_like_one_that_is_not_there(visit, scene):
    mine = await scene.request("Моё", "Вопрос.")
    theirs = await scene.request("Чужое", "Вопрос.")
    customer, stranger = await visit(), await visit()
    await customer.go(mine.link)
    own = customer.page.url
    await stranger.go(theirs.link)
    other = stranger.page.url
    pages = []

    await customer.page.goto(other)
    pages.append(await customer.page.locator("main").inner_text())
    await customer.page.goto(f"{scene.desk}/my/01a20000-0000-7000-8000-000000000000")
    pages.append(await customer.page.locator("main").inner_text())
    await customer.go("/c/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
    pages.append(await customer.page.locator("main").inner_text())

    assert len(set(pages)) == 1
    assert "Такого обращения нет или оно не ваше" in pages[0]
    await customer.page.goto(own)
    await expect(customer.page.get_by_role("heading", level=1)).to_have_text("Моё")


async def test_times_are_told_in_the_readers_zone_and_in_the_desks_where_it_differs(visit, scene):
    story = await scene.request("Часы", "Вопрос.")
    customer = await visit(timezone_id="Asia/Vladivostok")
    await customer.go(story.link)

    # The first page tells the browser's zone to the desk; from then on it is known.
    await customer.page.reload()

    await expect(customer.page.locator(".foot")).to_contain_text("Владивосток (UTC+10)")
    await expect(customer.page.locator(".owed")).to_contain_text(
        re.compile(r"По часам поддержки: \d\d:\d\d, Москва")
    )


async def test_a_resolved_request_says_so(visit, scene):
    story = await scene.request("Решить", "Вопрос.", locale="en")
    agent, customer = await visit(), await visit(locale="en-GB")
    await agent.sign_in("Daniel Brooks")
    await agent.find(story.number)
    await agent.page.get_by_text("Resolve the ticket", exact=True).click()
    await agent.page.locator("#resolve-text").fill("Fixed.")
    await agent.page.get_by_role("button", name="Resolve and tell the customer").click()
    await agent.page.wait_for_url("**done=resolve")

    await customer.go(story.link)

    await expect(customer.page.locator(".owed .state")).to_have_text("Resolved")
    await expect(customer.page.locator(".owed-line")).to_have_text(
        re.compile(r"Resolved at \d\d:\d\d( yesterday)?(, .+ early)?")
    )
