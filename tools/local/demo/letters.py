"""`make demo INPUT=DIR`: plays any letters, and writes what became of each to `journey.json`."""

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

from google.protobuf import json_format
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console

from otklik.intake.v1 import item_pb2
from otklik.sla.v1.clock_pb2 import ClockKind
from otklik.tickets.v1 import ticket_service_pb2
from tools.local.demo import post
from tools.local.demo.play import open_stage
from tools.local.demo.stage import Stage
from tools.local.demo.streams import Told
from tools.local.demo.timeline import NothingHappened, Timeline
from tools.local.failures import StackFailed
from tools.local.stack import Stack
from tools.pages.language import Language, Phrase

# An acknowledgement waits up to 30 s for its deadline.
ACKNOWLEDGEMENT_SECONDS = 45

Entry = dict[str, object]


class NoLetters(StackFailed):
    """The folder has nothing to play."""


async def play_letters(
    stack: Stack, console: Console, folder: Path, journey_file: Path, *, language: Language
) -> None:
    """Send every `.eml` file of a folder and wait for what becomes of it.

    Raises:
        NoLetters: there is no such file.
        StackFailed: some letter's way did not end; `journey_file` is written all the same.
    """
    letters = _letters(folder)
    if not letters:
        raise NoLetters(f"there is no .eml file in {folder}")
    async with AsyncExitStack() as opened:
        stage = await open_stage(stack, console, language, opened)
        stage.begin(
            Phrase(ru=f"Писем: {len(letters)}, {folder}", en=f"Letters: {len(letters)}, {folder}")
        )
        # Handed in one after another, so that a reply never overtakes what it answers; what becomes
        # of them is awaited together.
        receipts = [
            await post.send(original, port=stack.ports.intake_smtp) for _, original in letters
        ]
        told = zip(letters, receipts, strict=True)
        journey = await asyncio.gather(
            *(_follow(stage, path, receipt) for (path, _), receipt in told)
        )
    _write(journey_file, journey)
    console.print(f"\n  written: {journey_file}")
    stuck = [str(entry["path"]) for entry in journey if entry["unfinished"]]
    if stuck:
        raise StackFailed(f"the way of {', '.join(stuck)} did not end; see journey.json")


def _letters(folder: Path) -> list[tuple[Path, bytes]]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".eml")
    return [(path.relative_to(folder), path.read_bytes()) for path in found]


def _write(path: Path, journey: list[Entry]) -> None:
    path.write_text(json.dumps(journey, indent=2, ensure_ascii=False) + "\n")


async def _follow(stage: Stage, path: Path, receipt: post.Receipt) -> Entry:
    """Collect the whole story of one letter."""
    entry: Entry = {
        "path": str(path),
        "smtp": f"{receipt.code} {receipt.text}",
        "item": None,
        "ticket": None,
        "events": [],
        "deadlines": [],
        "outgoing_message_ids": [],
        "trace_id": "",
        "unfinished": "",
    }
    if not receipt.accepted:
        _tell(stage, entry, "refused at the door")
        return entry
    try:
        item = await stage.fate(receipt.item)
        entry["item"] = _item(item)
        entry["trace_id"] = item.trace_id
        timeline = Timeline(
            streams=stage.streams,
            reader=stage.streams.reader(item.conversation_id),
            facts=stage.facts,
            console=Console(quiet=True),
        )
        await _until_told(timeline, item)
    except NothingHappened as reason:
        entry["unfinished"] = str(reason)
        _tell(stage, entry, str(reason))
        return entry
    entry["ticket"] = await _ticket(stage, item.ticket) if item.ticket else None
    began = timeline.told[0].occurred_at if timeline.told else datetime.now(UTC)  # noqa: TID251
    entry["events"] = [_event(told, began) for told in timeline.told]
    entry["deadlines"] = _deadlines(timeline.told)
    entry["outgoing_message_ids"] = [
        told.message.internet_message_id
        for told in timeline.told
        if told.name == "DeliveryAccepted"
    ]
    entry["trace_id"] = item.trace_id or next((one.trace_id for one in timeline.told), "")
    _tell(stage, entry, item_pb2.ItemState.Name(item.state).removeprefix("ITEM_STATE_").lower())
    return entry


async def _until_told(timeline: Timeline, item: item_pb2.Item) -> None:
    """Wait until the customer was told whatever there is to tell."""
    if item.state != item_pb2.ITEM_STATE_TICKETED:
        await timeline.more()
        return
    opened = await timeline.until("TicketOpened")
    await timeline.until("ClocksArmed")
    if not opened.message.automatic and opened.message.HasField("reply_route"):
        # It leaves, or it is known that it cannot.
        await timeline.until_any(("DeliveryAccepted", "DeliveryFailed"), ACKNOWLEDGEMENT_SECONDS)


def _tell(stage: Stage, entry: Entry, fate: str) -> None:
    ticket = entry["ticket"]
    number = ticket["number"] if isinstance(ticket, dict) else ""
    stage.console.print(f"  {entry['path']!s:<48} {fate} {number}")


def _item(item: item_pb2.Item) -> dict[str, object]:
    return {
        "name": item.name,
        "state": item_pb2.ItemState.Name(item.state).removeprefix("ITEM_STATE_"),
        "reason": item.reason,
        "conversation_id": item.conversation_id,
        "receive_time": _instant(item.receive_time),
    }


async def _ticket(stage: Stage, name: str) -> dict[str, object]:
    tickets = await stage.tickets()
    ticket = await tickets.GetTicket(ticket_service_pb2.GetTicketRequest(name=name))
    document = json_format.MessageToDict(ticket, preserving_proto_field_name=True)
    wanted = ("name", "number", "customer", "service", "priority", "state", "locale", "channel")
    return {key: document.get(key, "") for key in wanted}


def _event(told: Told, began: datetime) -> dict[str, object]:
    return {
        "offset_seconds": round((told.recorded_at - began).total_seconds(), 3),
        "service": told.owner,
        "type": told.type,
        "event_id": told.event_id,
        "occurred_at": told.occurred_at.isoformat(),
        "trace_id": told.trace_id,
    }


def _deadlines(story: list[Told]) -> list[dict[str, str]]:
    return [
        {
            "kind": ClockKind.Name(one.kind).removeprefix("CLOCK_KIND_"),
            "due_time": _instant(one.due_time),
            "time_zone": one.time_zone,
        }
        for told in story
        if told.name == "ClocksArmed"
        for one in told.message.deadlines
    ]


def _instant(stamp: Timestamp) -> str:
    return stamp.ToDatetime(tzinfo=UTC).isoformat()
