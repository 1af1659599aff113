"""The pages and the JSON: found by filter, in both languages, with nothing that can run."""

import re

import pytest

from tests.traces.made_spans import OTHER_TRACE, TRACE, a_link, a_span, an_id

CONVERSATION = "0190d6f2-6f9c-7cc3-98c2-0f4c5b1c2d3e"
HOSTILE = '<script>alert("x")</script>'


@pytest.fixture
def story(traces):
    """One conversation's trace, and the trace of a batch that links to it."""
    traces.store.add(
        [
            a_span("smtp session", 0, 40, span_id=an_id("smtp")),
            a_span(
                "process",
                60,
                90,
                parent_id=an_id("smtp"),
                service="tickets",
                attributes={"messaging.message.conversation_id": CONVERSATION},
            ),
            a_span("answer", 90_000, 90_030, parent_id=an_id("process"), service="desk"),
            a_span(
                "fetch",
                50,
                95,
                trace_id=OTHER_TRACE,
                service="tickets",
                status="error",
                links=(a_link(TRACE, "process"),),
            ),
        ]
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"smtp session", "fetch"}),
        ({"service": "desk"}, {"smtp session"}),
        ({"attribute": CONVERSATION}, {"smtp session"}),
        ({"attribute": f"messaging.message.conversation_id={CONVERSATION}"}, {"smtp session"}),
        ({"attribute": f"other={CONVERSATION}"}, set()),
        ({"errors": "true"}, {"fetch"}),
    ],
)
async def test_the_list_is_filtered_by_service_attribute_and_error(browser, story, query, found):
    page = await browser.get("/", params=query)
    listed = await browser.get("/api/traces", params=query)

    assert page.status_code == 200
    assert set(re.findall(r'class="name" href="[^"]*">([^<]*)<', page.text)) == found
    assert {trace["root"]["name"] for trace in listed.json()["traces"]} == found


async def test_the_waterfall_has_a_row_for_each_span_and_names_the_wait(browser, story):
    page = await browser.get(f"/traces/{TRACE}")

    assert re.findall(r'class="name" id="[^"]*" href="[^"]*">([^<]*)<', page.text) == [
        "smtp session",
        "process",
        "answer",
    ]
    assert "nothing ran for 1\u00a0min 29\u00a0s" in page.text


async def test_a_chosen_span_shows_its_attributes_and_who_links_to_it(browser, story):
    page = await browser.get(f"/traces/{TRACE}", params={"span": an_id("process")})

    details = page.text.partition("<aside")[2]
    assert CONVERSATION in details
    assert f'href="/traces/{OTHER_TRACE}?span={an_id("fetch")}#details"' in details


async def test_json_tells_the_tree_with_links_both_ways(browser, story):
    document = (await browser.get(f"/api/traces/{TRACE}")).json()
    batch = (await browser.get(f"/api/traces/{OTHER_TRACE}")).json()

    assert [(span["name"], span["depth"]) for span in document["spans"]] == [
        ("smtp session", 0),
        ("process", 1),
        ("answer", 2),
    ]
    process = document["spans"][1]
    assert (process["offset_ms"], process["duration_ms"]) == (60, 30)
    assert [linker["name"] for linker in process["linked_from"]] == ["fetch"]
    assert batch["spans"][0]["links"] == [
        {"trace_id": TRACE, "span_id": an_id("process"), "attributes": {}}
    ]


async def test_the_tree_is_served_as_text(browser, story):
    text = (await browser.get(f"/api/traces/{TRACE}/tree", params={"lang": "ru"})).text

    assert text.startswith(f"Трасса {TRACE}")
    assert "process" in text


async def test_an_unknown_trace_is_a_404_for_people_and_for_programs(browser):
    page = await browser.get("/traces/" + "0" * 32, headers={"accept-language": "ru"})
    document = await browser.get("/api/traces/" + "0" * 32)

    assert (page.status_code, document.status_code) == (404, 404)
    assert "По этому адресу пусто." in page.text
    assert document.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("query", "accepts", "language"),
    [
        ({}, "", "en"),
        ({}, "ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ({}, "en-GB,en;q=0.9,ru;q=0.5", "en"),
        ({}, "de, ru;q=0.3", "ru"),
        ({}, "ru;q=nonsense", "en"),
        ({"lang": "ru"}, "en", "ru"),
        ({"lang": "xx"}, "ru", "ru"),
    ],
)
async def test_the_reader_is_answered_in_their_language(browser, story, query, accepts, language):
    for path in ("/", f"/traces/{TRACE}"):
        page = await browser.get(path, params=query, headers={"accept-language": accepts})

        assert f'<html lang="{language}">' in page.text
        assert page.headers["content-language"] == language


async def test_a_chosen_language_follows_every_link(browser, story):
    page = await browser.get("/", params={"lang": "ru", "path": "harmless"})

    assert f'href="/traces/{TRACE}?lang=ru"' in page.text


async def test_nothing_on_a_page_can_run(traces, browser):
    traces.store.add(
        [
            a_span(
                HOSTILE,
                0,
                1,
                span_id=an_id("x"),
                service=HOSTILE,
                attributes={HOSTILE: HOSTILE},
                status="error",
                status_message=HOSTILE,
            )
        ]
    )
    for path in ("/", f"/traces/{TRACE}?span={an_id('x')}", "/?attribute=%22%3E%3Cscript%3E"):
        page = await browser.get(path)

        assert page.status_code == 200
        assert "<script" not in page.text
        assert not re.search(r"\s(style|on\w+)=", page.text)
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "script-src" not in policy


async def test_another_name_for_this_machine_is_refused(browser):
    answer = await browser.get("/api/traces", headers={"host": "attacker.example"})

    assert answer.status_code == 400
    assert "content-security-policy" in answer.headers


async def test_the_styles_are_served_from_here(browser):
    for path in ("/look/page.css", "/look/icon.svg", "/static/traces.css"):
        assert (await browser.get(path)).status_code == 200
