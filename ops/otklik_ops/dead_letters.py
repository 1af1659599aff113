"""`otklik dead`: look at dead letters, replay them, or decide that nothing is lost without them.

What is shown of a letter's content is redacted: an operator needs to know what it was, not what the
customer wrote. `--raw` writes the original bytes for whoever may see them.
"""

import argparse
import json
import sys
from collections.abc import AsyncIterator, Mapping
from datetime import UTC
from pathlib import Path

from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.message import DecodeError

from otklik.ops.v1 import ops_service_pb2 as pb
from otklik_ops.flows import contracted
from otklik_ops.operator import Operator
from otklik_runtime import personal

PAGE_SIZE = 200
STATES: Mapping[str, pb.DeadLetterState.ValueType] = {
    "open": pb.DEAD_LETTER_STATE_OPEN,
    "replayed": pb.DEAD_LETTER_STATE_REPLAYED,
    "discarded": pb.DEAD_LETTER_STATE_DISCARDED,
}


async def list_letters(operator: Operator, asked: argparse.Namespace) -> int:
    """Print the dead letters of one service, or of all."""
    services = [asked.service] if asked.service else list(contracted().owners)
    found = 0
    for service in services:
        async for letter in _all(operator, service, STATES[asked.state]):
            found += 1
            _print(_as_json(service, letter) if asked.json else _line(service, letter))
    if not found and not asked.json:
        _print("no dead letters" if asked.state == "open" else f"no {asked.state} letters")
    return 0


async def show_letter(operator: Operator, asked: argparse.Namespace) -> int:
    """Print one dead letter, its headers, and its content without personal data."""
    letter = await operator.ops(asked.service).GetDeadLetter(
        pb.GetDeadLetterRequest(name=_name(asked.name))
    )
    if asked.raw:
        asked.raw.write_bytes(letter.payload)
        _print(f"{len(letter.payload)} bytes written to {asked.raw}")
        return 0
    facts = json.loads(_as_json(asked.service, letter))
    facts["headers"] = dict(letter.headers)
    facts["content"] = content(letter)
    _print(json.dumps(facts, indent=2, ensure_ascii=False))
    return 0


async def replay_letters(operator: Operator, asked: argparse.Namespace) -> int:
    """Hand letters to their handlers again, in the order in which they came."""
    names = [_name(name) for name in asked.names]
    if asked.all:
        waiting = [one async for one in _all(operator, asked.service, pb.DEAD_LETTER_STATE_OPEN)]
        # Listed newest first; a conversation's events want their own order.
        names = [letter.name for letter in reversed(waiting)]
    for name in names:
        letter = await operator.ops(asked.service).ReplayDeadLetter(
            pb.ReplayDeadLetterRequest(name=name)
        )
        _print(_line(asked.service, letter))
    _print(f"{len(names)} replayed")
    return 0


async def discard_letter(operator: Operator, asked: argparse.Namespace) -> int:
    """Decide, with a reason, that a letter will never be handled."""
    letter = await operator.ops(asked.service).DiscardDeadLetter(
        pb.DiscardDeadLetterRequest(name=_name(asked.name), reason=asked.reason)
    )
    _print(_line(asked.service, letter))
    return 0


def content(letter: pb.DeadLetter) -> object:
    """Read what a letter says, personal data left out; a sentence when it cannot be read."""
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(letter.type)
        message = message_factory.GetMessageClass(descriptor).FromString(letter.payload)
    except (KeyError, DecodeError):
        return f"{len(letter.payload)} bytes that cannot be read as {letter.type or 'anything'}"
    return json_format.MessageToDict(personal.redacted(message), preserving_proto_field_name=True)


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `otklik dead`."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    services = contracted().owners

    listing = verbs.add_parser("list", help="list dead letters, newest first")
    listing.add_argument("--service", choices=services, help="all services unless given")
    listing.add_argument("--state", choices=tuple(STATES), default="open")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    listing.set_defaults(command=list_letters)

    showing = verbs.add_parser("show", help="show one dead letter")
    showing.add_argument("name", help="deadLetters/<id>, or the id alone")
    showing.add_argument("--raw", type=Path, help="write the original bytes to this file")
    showing.set_defaults(command=show_letter)

    replaying = verbs.add_parser("replay", help="hand letters to their handlers again")
    which = replaying.add_mutually_exclusive_group(required=True)
    which.add_argument("names", nargs="*", default=[], help="deadLetters/<id>, or the ids alone")
    which.add_argument("--all", action="store_true", help="every open letter, oldest first")
    replaying.set_defaults(command=replay_letters)

    discarding = verbs.add_parser("discard", help="decide that a letter will never be handled")
    discarding.add_argument("name", help="deadLetters/<id>, or the id alone")
    discarding.add_argument("--reason", required=True, help="why nothing is lost by it")
    discarding.set_defaults(command=discard_letter)

    for verb in (showing, replaying, discarding):
        verb.add_argument("--service", choices=services, required=True)


async def _all(
    operator: Operator, service: str, state: pb.DeadLetterState.ValueType
) -> AsyncIterator[pb.DeadLetter]:
    page_token = ""
    while True:
        page: pb.ListDeadLettersResponse = await operator.ops(service).ListDeadLetters(
            pb.ListDeadLettersRequest(page_size=PAGE_SIZE, page_token=page_token, state=state)
        )
        for letter in page.dead_letters:
            yield letter
        page_token = page.next_page_token
        if not page_token:
            return


def _name(given: str) -> str:
    return given if given.startswith("deadLetters/") else f"deadLetters/{given}"


def _line(service: str, letter: pb.DeadLetter) -> str:
    state = pb.DeadLetterState.Name(letter.state).removeprefix("DEAD_LETTER_STATE_").lower()
    when = letter.create_time.ToDatetime(tzinfo=UTC).isoformat(timespec="seconds")
    what = letter.type.rpartition(".")[2] or letter.subject
    return (
        f"{when}  {service:<9} {letter.name}  {state:<9} {what:<20} {letter.reason}: {letter.error}"
    )


def _as_json(service: str, letter: pb.DeadLetter) -> str:
    facts = json_format.MessageToDict(letter, preserving_proto_field_name=True)
    for hidden in ("payload", "headers"):
        facts.pop(hidden, None)
    return json.dumps({"service": service, **facts}, ensure_ascii=False)


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
