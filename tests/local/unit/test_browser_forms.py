"""The customer's browser against a page of its own."""

import httpx
import pytest

from tools.local.demo.browser import Browser, NoSuchForm

PAGE = """<form action="/search"><input name="q"></form>
<form action="send?lang=en" method="post">
  <input type="hidden" name="token" value="t0ken">
  <input name="email"><textarea name="text"></textarea>
  <input type="radio" name="score" value="4"><input type="radio" name="score" value="5">
  <input type="checkbox" name="ticked" value="yes" checked>
  <button name="press" value="later">Later</button>
</form>"""


@pytest.fixture
async def browser():
    seen = []

    async def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, text=PAGE if request.method == "GET" else "thank you")

    browser = Browser("en", transport=httpx.MockTransport(answer))
    browser.seen = seen
    yield browser
    await browser.close()


async def test_a_form_is_sent_with_its_hidden_fields_and_where_it_says(browser):
    await browser.open("http://127.0.0.1:7401/contact/")

    await browser.submit({"email": "ann@shop.example", "text": "help", "score": "5"})

    sent = browser.seen[-1]
    assert str(sent.url) == "http://127.0.0.1:7401/contact/send?lang=en"
    assert httpx.QueryParams(sent.content.decode()) == httpx.QueryParams(
        {
            "token": "t0ken",
            "ticked": "yes",
            "email": "ann@shop.example",
            "text": "help",
            "score": "5",
        }
    )


async def test_a_form_without_the_wanted_fields_is_named(browser):
    await browser.open("http://127.0.0.1:7401/")

    with pytest.raises(NoSuchForm, match="wanted a form with phone"):
        await browser.submit({"phone": "1"})
