"""Acts are forms that work without a script; whatever goes wrong, what was typed stays."""

import pytest

from otklik_runtime.errors import Conflict, Forbidden, OtklikError, RuleBroken, Unavailable
from otklik_runtime.ids import stable_id

TEXT = "Бригада уже <едет>.\nСвязь будет к 15:00."


async def test_an_answer_is_sent_once_with_what_the_writer_has_seen(agent, services, ticket_page):
    await agent.get(ticket_page)
    form = agent.form(f"{ticket_page}/answer")

    answer = await agent.submit(f"{ticket_page}/answer", text=TEXT)

    assert (answer.status_code, answer.headers["location"]) == (303, f"{ticket_page}?done=answer")
    assert services.calls["answer"] == [
        {
            "text": TEXT,
            "last_customer_message": services.kept.last_customer_message,
            "request_id": form["request_id"],
        }
    ]


async def test_a_second_press_carries_the_same_request_id(agent, services, ticket_page):
    await agent.get(ticket_page)
    form = {**agent.form(f"{ticket_page}/answer"), "text": TEXT}

    for _ in range(2):
        await agent.http.post(f"{ticket_page}/answer", data=form)

    first, second = services.calls["answer"]
    assert first == second


@pytest.mark.parametrize(
    ("act", "call", "given"),
    [
        ("note", "note", {"text": TEXT}),
        ("resolve", "resolve", {"text": TEXT, "etag": '"3"'}),
        ("take", "take", {}),
        ("acts/wait_for_customer", "transition", {"act": "wait_for_customer", "etag": '"3"'}),
        ("acts/wait_for_supplier", "transition", {"act": "wait_for_supplier", "reason": TEXT}),
        ("acts/send_a_crew", "transition", {"act": "send_a_crew", "reason": ""}),
    ],
)
async def test_every_act_of_the_page_reaches_its_service(  # noqa: PLR0917 - a row of the table
    agent, services, ticket_page, act, call, given
):
    await agent.get(ticket_page)
    typed = {"text": TEXT} if "text" in agent.form(f"{ticket_page}/{act}") else {}

    answer = await agent.submit(f"{ticket_page}/{act}", **typed)

    assert answer.status_code == 303
    [called] = services.calls[call]
    assert given.items() <= called.items()


async def test_an_act_without_words_of_its_own_is_named_by_where_it_leads(agent, ticket_page):
    await agent.get(ticket_page)

    assert "Перевести в состояние «Бригада выехала»" in agent.text()


async def test_what_the_customer_wrote_meanwhile_is_shown_and_the_text_stays(
    agent, services, ticket_page
):
    await agent.get(ticket_page)
    services.customer_writes("Уже заработало, спасибо!")
    services.failures["answer"] = Conflict("customer_wrote_again", "the customer wrote again")

    answer = await agent.submit(f"{ticket_page}/answer", text=TEXT)

    assert answer.status_code == 409
    form = agent.form(f"{ticket_page}/answer")
    assert (form["text"], form["seen"]) == (TEXT, services.kept.last_customer_message)
    summary = answer.text.partition('class="summary"')[2]
    assert "Уже заработало, спасибо!" in summary.partition("</div>")[0]
    assert "Прочитал, отправить клиенту" in agent.text()


REFUSALS = [
    (Conflict("etag_mismatch", "changed"), 409, "обращение изменилось"),
    (RuleBroken("ticket_closed", "closed"), 409, "Обращение закрыто"),
    (RuleBroken("transition_not_allowed", "no", missing=""), 409, "Сейчас этого сделать нельзя"),
    (Forbidden("role_missing", "no"), 403, "Вам это делать нельзя"),
    (Unavailable("deadline_exceeded", "late"), 503, "дважды не сделается"),
    (OtklikError("internal", "a bug"), 500, "дважды не сделается"),
]


@pytest.mark.parametrize(("error", "status", "words"), REFUSALS)
@pytest.mark.parametrize("act", ["answer", "note", "resolve"])
async def test_whatever_is_refused_the_text_stays_and_the_reason_is_said(  # noqa: PLR0917 - a row
    agent, services, ticket_page, error, status, words, act
):
    await agent.get(ticket_page)
    before = agent.form(f"{ticket_page}/{act}")
    services.failures[act] = error

    answer = await agent.submit(f"{ticket_page}/{act}", text=TEXT)

    assert answer.status_code == status
    after = agent.form(f"{ticket_page}/{act}")
    assert (after["text"], after["request_id"]) == (TEXT, before["request_id"])
    assert words in agent.text()
    assert "<title>Ошибка: " in answer.text


async def test_what_may_not_be_done_any_more_keeps_its_text(agent, services, ticket_page):
    await agent.get(ticket_page)
    services.kept = type(services.kept)(
        **{name: getattr(services.kept, name) for name in services.kept.__slots__} | {"moves": ()}
    )
    services.failures["resolve"] = RuleBroken("transition_not_allowed", "no", missing="")

    await agent.submit(f"{ticket_page}/resolve", text=TEXT)

    assert agent.form(f"{ticket_page}/resolve")["text"] == TEXT


async def test_a_form_whose_first_text_was_sent_gets_a_new_id(agent, services, ticket_page):
    await agent.get(ticket_page)
    before = agent.form(f"{ticket_page}/note")
    services.failures["note"] = Conflict("request_id_reused", "another content")

    await agent.submit(f"{ticket_page}/note", text=TEXT)

    after = agent.form(f"{ticket_page}/note")
    assert after["text"] == TEXT
    assert after["request_id"] != before["request_id"]


async def test_a_ticket_that_was_taken_names_who_has_it(agent, services, ticket_page):
    await agent.get(ticket_page)
    oleg = f"agents/{stable_id('test', 'oleg')}"
    services.failures["take"] = Conflict("ticket_taken", "taken", assignee=oleg)

    answer = await agent.submit(f"{ticket_page}/take")

    assert answer.status_code == 409
    assert "Обращение уже взял другой сотрудник: Олег Петров." in agent.text()


@pytest.mark.parametrize("act", ["answer", "note", "resolve"])
async def test_an_empty_text_is_refused_before_anybody_is_asked(agent, services, ticket_page, act):
    await agent.get(ticket_page)

    answer = await agent.submit(f"{ticket_page}/{act}", text=" \n ")

    assert answer.status_code == 422
    assert not services.calls[act]
    assert f'href="#{act}-text"' in answer.text
    assert f'aria-describedby="{act}-hint {act}-fault"' in answer.text


async def test_a_text_that_is_too_long_comes_back_whole(agent, services, ticket_page):
    await agent.get(ticket_page)
    long = "я" * 65_537

    answer = await agent.submit(f"{ticket_page}/answer", text=long)

    assert answer.status_code == 422
    assert agent.form(f"{ticket_page}/answer")["text"] == long


async def test_a_session_that_ended_keeps_the_text_on_a_page_that_can_send_it_again(
    agent, identity, services, ticket_page
):
    await agent.get(ticket_page)
    identity.sessions.clear()
    agent.http.cookies.clear()

    answer = await agent.submit(f"{ticket_page}/answer", text=TEXT)

    assert answer.status_code == 401
    assert agent.form(f"{ticket_page}/answer")["text"] == TEXT
    kept = agent.page
    await agent.sign_in()
    agent.page = kept
    answer = await agent.submit(f"{ticket_page}/answer")
    # The form belongs to the session that ended: it is shown once more, then it goes.
    assert (answer.status_code, services.calls["answer"]) == (403, [])
    answer = await agent.submit(f"{ticket_page}/answer")
    assert answer.status_code == 303
    assert services.calls["answer"][0]["text"] == TEXT


async def test_a_ticket_that_cannot_be_shown_still_gives_the_text_back(
    agent, services, ticket_page
):
    await agent.get(ticket_page)
    gone = Unavailable("deadline_exceeded", "tickets does not answer")
    services.failures |= {"answer": gone, "ticket": gone}

    answer = await agent.submit(f"{ticket_page}/answer", text=TEXT)

    assert answer.status_code == 503
    assert agent.form(f"{ticket_page}/answer")["text"] == TEXT


async def test_a_form_without_the_mark_of_its_session_does_nothing(agent, services, ticket_page):
    await agent.get(ticket_page)

    answer = await agent.submit(f"{ticket_page}/note", text=TEXT, mark="0" * 64)

    assert (answer.status_code, services.calls["note"]) == (403, [])
    assert agent.form(f"{ticket_page}/note")["text"] == TEXT


async def test_a_form_of_another_site_does_nothing_and_shows_nothing_of_it(
    agent, services, ticket_page
):
    await agent.get(ticket_page)

    answer = await agent.submit(
        f"{ticket_page}/note", headers={"sec-fetch-site": "cross-site"}, text="их слова"
    )

    assert (answer.status_code, services.calls["note"]) == (403, [])
    assert "их слова" not in answer.text


async def test_those_who_may_only_look_get_no_forms(a_browser, identity, ticket_page):
    identity.people["id token of admin"] = ("agent", stable_id("test", "a"), {"admin"}, "ru", "")
    admin = a_browser()
    await admin.sign_in("admin")

    await admin.get(ticket_page)

    assert f"{ticket_page}/answer" not in admin.page.text
    assert "Вам можно смотреть обращения" in admin.text()
