"""One ticket's whole life, in six processes, as its customer and its agent live it."""

import asyncio
import time

import httpx
import pytest

from tools.local.demo.story_form import play_form
from tools.local.demo.story_letter import play_letter
from tools.local.demo.story_partner import play_partner

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

SPANS_SECONDS = 20


async def test_a_letter_becomes_a_ticket_is_answered_resolved_and_rated(stage):
    trace_id = await play_letter(stage)

    assert len(trace_id) == 32


async def test_a_form_in_english_is_acknowledged_in_english(stage):
    await play_form(stage)


async def test_a_partner_that_asks_twice_gets_one_ticket(stage):
    await play_partner(stage)


async def test_a_letters_life_is_one_trace_from_the_smtp_session_to_the_rating(stage):
    trace_id = await play_letter(stage)

    trace = await _trace(stage, trace_id, until="rating")

    spans = {span["span_id"]: span for span in trace["spans"]}
    roots = [span for span in spans.values() if not span["parent_id"]]
    assert {span["service"] for span in spans.values()} >= {
        f"otklik-{name}" for name in ("intake", "tickets", "sla", "notify", "feedback")
    }
    assert [root["service"] for root in roots] == ["otklik-intake"]
    assert roots[0]["name"] == "receive mail"


async def _trace(stage, trace_id, *, until):
    """Wait until every exporter has sent its batch: the last click is there, and every parent."""
    address = f"http://127.0.0.1:{stage.stack.ports.traces_http}/api/traces/{trace_id}"
    deadline = time.monotonic() + SPANS_SECONDS
    async with httpx.AsyncClient() as client:
        while True:
            answer = await client.get(address)
            trace = answer.json() if answer.status_code == 200 else {"spans": []}
            spans = trace["spans"]
            names = {span["name"] for span in spans if span["service"] == "otklik-feedback"}
            known = {span["span_id"] for span in spans}
            orphans = [
                span for span in spans if span["parent_id"] and span["parent_id"] not in known
            ]
            if any(name.startswith("POST") for name in names) and not orphans:
                return trace
            assert time.monotonic() < deadline, f"no {until} in {names}, or orphans: {orphans}"
            await asyncio.sleep(0.2)
