"""What is shown when the stories have been told: one trace as a tree, and the balance."""

import time
from collections.abc import Iterable
from typing import Any

import httpx
from rich.console import Console
from rich.text import Text

from otklik.intake.v1 import intake_service_pb2
from tools.local.demo.stage import Stage, require
from tools.pages.language import Phrase

TRACE_SECONDS = 8
SERVICES_IN_STORY = 5
LINKED_FROM = "↩"
TRACE = Phrase(
    ru="Одна трасса: от сеанса SMTP до ссылки с оценкой",
    en="One trace, from the SMTP session to the rating link",
)
LEDGER = Phrase(
    ru="Журнал приёма: принято = ждёт + открыто + добавлено + отложено + отклонено",
    en="The ledger: received = pending + ticketed + appended + quarantined + refused",
)
NOT_SAMPLED = Phrase(
    ru="  первое сообщение не попало в выборку: трассы нет",
    en="  the first message was not sampled: there is no trace",
)
NO_SPANS = Phrase(
    ru="  спаны ещё не пришли: страница покажет их через мгновение",
    en="  no span of it has arrived: look at the page in a moment",
)


async def show_trace(stage: Stage, trace_id: str) -> None:
    """Print a whole trace as a tree; spans arrive a moment after what they tell of."""
    stage.begin(TRACE)
    if not trace_id:
        stage.console.print(stage.say(NOT_SAMPLED))
        return
    address = f"{stage.stack.ports.traces_url}/api/traces/{trace_id}"
    async with httpx.AsyncClient(trust_env=False) as client:
        deadline = time.monotonic() + TRACE_SECONDS
        while time.monotonic() < deadline:
            answer = await client.get(address)
            if answer.is_success and _is_whole(answer.json()):
                break
            await stage.streams.wait(0.25)
        tree = await client.get(f"{address}/tree", params={"lang": stage.facts.language})
    if not tree.is_success:
        stage.console.print(stage.say(NO_SPANS))
        return
    # Batches of several stories link here from traces of their own: the page shows them.
    print_wide(stage.console, (line for line in tree.text.splitlines() if LINKED_FROM not in line))
    stage.console.print(f"\n  {stage.stack.ports.traces_url}/traces/{trace_id}")


async def show_ledger(stage: Stage) -> None:
    """Print the balance of everything received, and insist that it holds."""
    intake = await stage.intake()
    ledger = await intake.GetLedger(intake_service_pb2.GetLedgerRequest())
    stage.begin(LEDGER)
    for entry in ledger.entries:
        parts = {
            Phrase(ru="ждёт", en="pending"): entry.pending_count,
            Phrase(ru="открыто", en="ticketed"): entry.ticketed_count,
            Phrase(ru="добавлено", en="appended"): entry.appended_count,
            Phrase(ru="отложено", en="quarantined"): entry.quarantined_count,
            Phrase(ru="отклонено", en="refused"): entry.refused_count,
        }
        told = (
            " + ".join(f"{count} {stage.say(name)}" for name, count in parts.items() if count)
            or "0"
        )
        stage.console.print(f"  {entry.account:<32} {entry.received_count} = {told}")
        require(sum(parts.values()) == entry.received_count, "the ledger does not add up")
        require(entry.pending_count == 0, "something received is still pending")


def _is_whole(trace: dict[str, Any]) -> bool:
    """Tell whether every span's parent has arrived, and every service has said something."""
    spans = trace["spans"]
    known = {span["span_id"] for span in spans}
    orphans = [span for span in spans if span["parent_id"] and span["parent_id"] not in known]
    services = {span["service"] for span in spans}
    return len(services) >= SERVICES_IN_STORY and not orphans


def print_wide(console: Console, lines: Iterable[str]) -> None:
    """Print lines as they are: a tree that is wrapped by words is no tree."""
    for line in lines:
        console.print(Text(line))
