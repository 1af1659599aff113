"""The watch of these tests sees what it must, and the desk's policy stops what it must."""

import pytest
from playwright.async_api import expect

pytestmark = [
    pytest.mark.system("chromium"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]


async def test_the_watch_sees_what_the_policy_stops(visit):
    visitor = await visit()
    await visitor.go("/")

    await visitor.page.evaluate("document.body.setAttribute('style', 'color: red')")
    await visitor.page.evaluate("fetch('https://elsewhere.example/').catch(() => 0)")

    await until(visitor, lambda: len(visitor.violations) >= 2)
    assert any("style-src" in violation for violation in visitor.violations)
    assert any("connect-src" in violation for violation in visitor.violations)
    with pytest.raises(AssertionError):
        visitor.require_calm()
    forget(visitor)


async def test_the_watch_sees_a_request_to_another_site(visit, scene):
    visitor = await visit()
    await visitor.page.goto(f"{scene.stack.ports.traces_url}/livez")

    assert visitor.foreign
    forget(visitor)


async def test_text_becomes_elements_by_htmx_alone(visit):
    visitor = await visit()
    await visitor.go("/")

    refused = await visitor.page.evaluate(
        """() => {
          try { document.body.innerHTML = "<b>x</b>"; return ""; }
          catch (error) { return String(error); }
        }"""
    )

    assert "TrustedHTML" in refused
    await until(visitor, lambda: visitor.violations)
    assert any("require-trusted-types-for" in violation for violation in visitor.violations)
    forget(visitor)


async def test_an_element_without_the_nonce_can_ask_for_nothing(visit):
    visitor = await visit()
    await visitor.sign_in("Мария Иванова")
    asked = []
    visitor.page.on("request", lambda request: asked.append(request.url))

    await visitor.page.evaluate(
        """() => {
          const planted = document.createElement("div");
          planted.id = "planted";
          planted.setAttribute("hx-get", "/planted");
          planted.setAttribute("hx-trigger", "load");
          document.body.append(planted);
          htmx.process(planted);
        }"""
    )

    await expect(visitor.page.locator("#planted")).not_to_have_attribute("hx-get", "/planted")
    assert not [url for url in asked if "planted" in url]
    forget(visitor)


async def until(visitor, true):
    """Let the browser tell what it has to tell."""
    for _ in range(100):
        if true():
            return
        await visitor.page.wait_for_timeout(50)


def forget(visitor):
    """What was provoked is no complaint."""
    visitor.violations.clear()
    visitor.foreign.clear()
    visitor.complaints.clear()
