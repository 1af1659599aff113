"""An agent's day in a real browser: from the sign-in to a resolved request."""

import re

import pytest
from playwright.async_api import expect

pytestmark = [
    pytest.mark.system("chromium"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]

LANGUAGES = {
    "ru": {
        "who": "Мария Иванова",
        "take": "Взять себе",
        "send": "Отправить клиенту",
        "note": "Заметка для своих",
        "save": "Записать для своих",
        "resolve": "Решить обращение",
        "finish": "Решить и сообщить клиенту",
        "sent": "Ответ поставлен на отправку",
        "resolved": "Решено",
        "out": "Выйти",
    },
    "en": {
        "who": "Daniel Brooks",
        "take": "Take it",
        "send": "Send to the customer",
        "note": "Note for the desk",
        "save": "Save for the desk",
        "resolve": "Resolve the ticket",
        "finish": "Resolve and tell the customer",
        "sent": "The answer is on its way",
        "resolved": "Resolved",
        "out": "Sign out",
    },
}


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_a_request_is_taken_answered_and_resolved(visit, scene, locale, scripts):
    words = LANGUAGES[locale]
    story = await scene.request("Касса не видит сеть", "С утра не печатает.", locale=locale)
    agent = await visit(locale="ru-RU", java_script_enabled=scripts)
    page = agent.page

    await agent.sign_in(words["who"])
    await expect(page.locator("html")).to_have_attribute("lang", locale)
    await agent.find(story.number)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Касса не видит сеть")
    await page.get_by_role("button", name=words["take"]).click()
    await expect(page.get_by_role("button", name=words["take"])).to_have_count(0)

    await page.get_by_text(words["note"], exact=True).click()
    await page.locator("#note-text").fill("Клиент торопится.")
    await page.get_by_role("button", name=words["save"]).click()
    await expect(page.locator(".note")).to_contain_text("Клиент торопится.")

    await page.locator("#answer-text").fill("Бригада выехала.\nБудет к 15:00.")
    await page.get_by_role("button", name=words["send"]).click()
    await expect(page.get_by_role("status").filter(has_text=words["sent"])).to_be_visible()
    await expect(page.locator(".message-desk")).to_contain_text("Бригада выехала.\nБудет к 15:00.")

    await page.get_by_text(words["resolve"], exact=True).click()
    await page.locator("#resolve-text").fill("Заменили кабель.")
    await page.get_by_role("button", name=words["finish"]).click()
    await expect(page.locator(".ticket-line .state")).to_have_text(words["resolved"])
    assert not await page.locator("#resolve-text").count()

    await page.get_by_role("button", name=words["out"]).click()
    await agent.go("/tickets")
    assert page.url.startswith(scene.stack.ports.issuer_url)


async def test_what_comes_meanwhile_appears_and_stops_the_answer_once(visit, scene):
    story = await scene.request("Нет интернета", "Лампочка не горит.")
    agent = await visit()
    page = agent.page
    await agent.sign_in("Мария Иванова")
    await agent.find(story.number)
    await page.locator("#answer-text").fill("Перезагрузите роутер.")

    await scene.reply(story, "Уже заработало, спасибо!")
    # No reload: the conversation refreshes itself, the composer beside it is left alone.
    await expect(page.locator("#conversation")).to_contain_text("Уже заработало", timeout=40_000)
    await expect(page.locator("#answer-text")).to_have_value("Перезагрузите роутер.")
    await page.get_by_role("button", name="Отправить клиенту").click()

    summary = page.get_by_role("alert")
    await expect(summary).to_contain_text("клиент прислал ещё сообщение")
    await expect(summary).to_contain_text("Уже заработало, спасибо!")
    await expect(summary).to_be_focused()
    await expect(page).to_have_title(re.compile("^Ошибка: "))
    await expect(page.locator("#answer-text")).to_have_value("Перезагрузите роутер.")
    await page.get_by_role("button", name="Прочитал, отправить клиенту").click()
    await expect(page.locator(".message-desk")).to_contain_text("Перезагрузите роутер.")


async def test_a_second_press_sends_nothing_twice(visit, scene):
    story = await scene.request("Двойной клик", "Проверка.")
    agent = await visit()
    page = agent.page
    await agent.sign_in("Мария Иванова")
    await agent.find(story.number)
    address = page.url
    form = await page.locator("form[data-act=answer]").evaluate(
        "form => Object.fromEntries(new FormData(form))"
    )

    for _ in range(2):
        answer = await page.request.post(
            f"{address}/answer", form={**form, "text": "Один раз."}, max_redirects=0
        )
        assert answer.status == 303

    await page.reload()
    await expect(page.locator(".message-desk")).to_have_count(1)


async def test_everything_is_done_with_the_keyboard_alone(visit, scene):
    story = await scene.request("Без мыши", "Проверка.")
    agent = await visit()
    page = agent.page
    await agent.go("/tickets")
    await tab_to(page, "Мария Иванова")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/tickets")

    await page.keyboard.press("Tab")
    assert await focused(page) == "Перейти к содержанию"
    await tab_to(page, "Без мыши")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/tickets/*")
    await tab_to(page, "Взять себе")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**done=take")
    await tab_to(page, "#answer-text")
    await page.keyboard.type("Написано с клавиатуры.")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_url("**done=answer")

    await expect(page.locator(".message-desk")).to_contain_text("Написано с клавиатуры.")
    assert story.number in await page.locator(".ticket-line").inner_text()


async def test_a_file_of_a_customer_is_saved_under_its_name(visit, scene, tmp_path):
    log = tmp_path / "журнал роутера.log"
    log.write_text("link down\n" * 40_000)
    story = await scene.letter_with_a_file("Лог роутера", log)
    agent = await visit()
    await agent.sign_in("Мария Иванова")
    await agent.find(story.number)

    async with agent.page.expect_download() as started:
        await agent.page.get_by_role("link", name="Скачать журнал роутера.log").click()
    download = await started.value

    assert download.suggested_filename == "журнал роутера.log"
    await download.save_as(tmp_path / "saved.log")
    assert (tmp_path / "saved.log").read_bytes() == log.read_bytes()


async def test_signing_in_leads_to_the_page_that_was_asked_for(visit, scene):
    agent = await visit()

    await agent.sign_in("Олег Петров", "/tickets?state=all&whose=mine")

    assert agent.page.url == f"{scene.desk}/tickets?state=all&whose=mine"


async def test_somebody_without_a_place_at_the_desk_sees_no_tickets(visit):
    operator = await visit()
    await operator.sign_in("Тимур Садыков")

    await expect(operator.page.get_by_role("heading", level=1)).to_have_text("Сюда вам нельзя")


async def focused(page) -> str:
    """Say what has the focus: its text, or its id."""
    return await page.evaluate(
        """(e => e === document.body ? "" : e.id && !e.innerText ? `#${e.id}` : e.innerText)(
             document.activeElement)"""
    )


async def tab_to(page, wanted) -> None:
    """Press Tab until something with this text or id has the focus."""
    for _ in range(80):
        if wanted in await focused(page):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} is not reached with Tab")
