"""The rating page over HTTP: what a customer, a mail scanner and a stranger get."""

import html
import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from otklik.feedback.v1 import events_pb2
from otklik_feedback import handlers
from otklik_feedback.adapters.links import SignedLinks
from otklik_feedback.adapters.unit_of_work import FeedbackUnit
from otklik_feedback.entrypoints.http_api import RatingSite, rating_app
from otklik_feedback.entrypoints.rating_pages import RatingPages
from otklik_feedback.settings import Settings
from otklik_runtime.i18n import Catalogue
from otklik_runtime.ids import new_id
from otklik_runtime.key_ring import KeyRing

LIFE = timedelta(days=30)


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    path = tmp_path / "ring.json"
    path.write_text(KeyRing.generate())
    return KeyRing.load(path)


@pytest.fixture
async def browser(database, ring):
    site = RatingSite(
        database,
        RatingPages(Catalogue.load("otklik_feedback")),
        unit_of=FeedbackUnit,
        links=SignedLinks(ring),
    )
    app = rating_app(Settings(environment="development"), site)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://feedback.test") as client:
        yield client


@pytest.fixture
def invite(database, ring, now, a_resolution):
    async def invited(**changes) -> str:
        async with database.transaction() as transaction:
            [survey] = await handlers.invite(
                FeedbackUnit(transaction), [a_resolution(**changes)], life=LIFE
            )
        return f"/r/{ring.sign('survey', survey.id, survey.expires_at)}"

    return invited


async def ratings(database) -> list[events_pb2.RatingGiven]:
    async with database.read() as connection:
        rows = await connection.exec_driver_sql(
            "select payload from events where type = 'otklik.feedback.v1.RatingGiven'"
            " order by position"
        )
        return [events_pb2.RatingGiven.FromString(payload) for (payload,) in rows]


async def test_the_link_shows_five_answers_in_words(browser, invite):
    page = await browser.get(await invite())

    assert page.status_code == 200
    assert '<html lang="ru">' in page.text
    assert page.text.count('type="radio"') == 5
    for word in ("Очень плохо", "Плохо", "Нормально", "Хорошо", "Отлично"):
        assert word in page.text
    assert "OT-000123" in page.text


async def test_the_page_speaks_the_customers_language(browser, invite):
    page = await browser.get(await invite(locale="en"), headers={"accept-language": "ru"})

    assert '<html lang="en">' in page.text
    assert "How did we do?" in page.text


async def test_opening_the_link_never_rates(browser, database, invite):
    link = await invite()
    for method in ("GET", "HEAD", "GET"):
        answer = await browser.request(method, link)
        assert answer.status_code == 200

    assert await ratings(database) == []


async def test_a_rating_is_taken_and_the_page_says_thanks(browser, database, invite):
    link = await invite()
    answer = await browser.post(link, data={"score": "4", "comment": "Всё <быстро>\r\nи хорошо"})

    assert answer.status_code == 303
    assert answer.headers["location"] == link
    page = await browser.get(link)
    assert "Ваша оценка: Хорошо" in page.text
    assert "Всё &lt;быстро&gt;\nи хорошо" in page.text
    [given] = await ratings(database)
    assert (given.score, given.comment) == (4, "Всё <быстро>\nи хорошо")


async def test_a_rating_is_the_customers_act_in_the_conversation(browser, database, invite):
    await browser.post(await invite(), data={"score": "5"})

    async with database.read() as connection:
        rows = await connection.exec_driver_sql(
            "select type, actor, version, aggregate_id::text from events order by position"
        )
        [invited, given] = rows.all()
    assert given.actor.startswith("customer/")
    assert given.aggregate_id == invited.aggregate_id
    assert (invited.version, given.version) == (1, 2)


async def test_the_same_answer_twice_is_one(browser, database, invite):
    link = await invite()
    for _ in range(3):
        await browser.post(link, data={"score": "4", "comment": "спасибо"})

    assert len(await ratings(database)) == 1


async def test_it_can_be_changed_and_the_form_remembers(browser, database, invite):
    link = await invite()
    await browser.post(link, data={"score": "2", "comment": "долго"})
    form = await browser.get(f"{link}?change=1")
    await browser.post(link, data={"score": "5", "comment": ""})

    assert re.search(r'value="2" required checked', form.text)
    assert ">долго</textarea>" in form.text
    assert [given.score for given in await ratings(database)] == [2, 5]


async def test_after_three_days_the_page_shows_what_stands(browser, database, invite, clock):
    link = await invite()
    await browser.post(link, data={"score": "2"})
    clock.advance(timedelta(hours=72))
    answer = await browser.post(link, data={"score": "5"})
    page = await browser.get(f"{link}?change=1")

    assert answer.status_code == 303
    assert "Ваша оценка: Плохо" in page.text
    assert "<form" not in page.text
    assert len(await ratings(database)) == 1


async def test_without_a_choice_the_form_says_so_and_keeps_the_comment(browser, database, invite):
    answer = await browser.post(await invite(), data={"comment": "привет"})

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "Выберите, пожалуйста, одну из пяти оценок." in answer.text
    assert ">привет</textarea>" in answer.text
    assert await ratings(database) == []


@pytest.mark.parametrize("score", ["0", "6", "-1", "five", "55", "٤", ""])
async def test_a_score_that_is_none_is_refused(browser, database, invite, score):
    answer = await browser.post(await invite(), data={"score": score})

    assert answer.status_code == 422
    assert await ratings(database) == []


async def test_a_comment_that_is_too_long_is_refused_and_kept(browser, database, invite):
    answer = await browser.post(await invite(), data={"score": "5", "comment": "ы" * 4001})

    assert answer.status_code == 422
    assert "длиннее 4000" in answer.text
    assert "ы" * 4001 in answer.text
    assert await ratings(database) == []


async def test_a_body_beyond_all_measure_is_refused(browser, invite):
    answer = await browser.post(await invite(), data={"score": "5", "comment": "x" * 100_000})

    assert answer.status_code == 413
    assert "Отзыв слишком длинный" in answer.text


async def test_an_expired_link_gets_a_friendly_page(browser, invite, clock):
    link = await invite()
    clock.advance(LIFE)
    page = await browser.get(link)
    answer = await browser.post(link, data={"score": "5"})

    assert (page.status_code, answer.status_code) == (410, 410)
    assert "Время для этой оценки вышло" in page.text


async def test_a_forged_link_gets_a_friendly_page_in_the_readers_language(
    browser, database, invite, ring, now
):
    link = await invite()
    foreign = ring.sign("customer-link", new_id(), now + LIFE)
    unknown = ring.sign("survey", new_id(), now + LIFE)
    for forged in (
        link[:-1] + ("b" if link[-1] != "b" else "c"),
        f"/r/{foreign}",
        f"/r/{unknown}",
        "/r/x",
    ):
        page = await browser.get(forged, headers={"accept-language": "en-GB"})
        answer = await browser.post(forged, data={"score": "5"})
        assert (page.status_code, answer.status_code) == (403, 403)
        assert "This link does not work" in page.text
    assert await ratings(database) == []


async def test_other_addresses_are_not_there(browser):
    page = await browser.get("/anything")

    assert page.status_code == 404
    assert "text/html" in page.headers["content-type"]


async def test_every_page_forbids_what_it_does_not_need(browser, invite):
    link = await invite()
    for page in (await browser.get(link), await browser.get("/r/x")):
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert "script-src" not in page.headers["content-security-policy"]
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert "noindex" in page.headers["x-robots-tag"]
        for forbidden in ("<script", "<style", "style=", "onclick", "http://", "https://"):
            assert forbidden not in page.text


async def test_everything_a_person_fills_in_has_its_name(browser, invite):
    page = html.unescape((await browser.get(await invite())).text)

    assert page.count("<label") == 6
    assert "<fieldset" in page
    assert "<legend>Ваша оценка</legend>" in page
    assert 'for="comment"' in page
    assert 'id="comment"' in page


async def test_the_stylesheet_is_there(browser):
    style = await browser.get("/static/rating.css")

    assert style.status_code == 200
    assert style.headers["content-type"].startswith("text/css")
    assert "no-store" not in style.headers["cache-control"]
