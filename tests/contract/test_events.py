"""What was once published stays readable, and every flow that is listed can really happen.

`goldens.json` holds one filled message of every event as bytes and as JSON. A change of contract
that reads the old bytes otherwise turns this red; after adding an event,
`python tests/contract/test_events.py` adds its golden.
"""

import importlib
import json
from importlib.resources import files
from pathlib import Path

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor

from otklik_runtime import envelope

FLOWS = json.loads((files("otklik") / "flows.json").read_text("utf-8"))
GOLDENS = Path(__file__).with_name("goldens.json")
OWNERS = ("intake", "tickets", "sla", "notify", "feedback")
for owner in OWNERS:
    importlib.import_module(f"otklik.{owner}.v1.events_pb2")

_SAMPLES = {
    FieldDescriptor.CPPTYPE_STRING: "текст text",
    FieldDescriptor.CPPTYPE_BOOL: True,
    FieldDescriptor.CPPTYPE_INT32: 7,
    FieldDescriptor.CPPTYPE_INT64: 7,
    FieldDescriptor.CPPTYPE_ENUM: 1,
}


def filled(message, depth=0):
    """Fill every field of a message, as deep as is of use."""
    for field in message.DESCRIPTOR.fields:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            continue
        if field.message_type is None:
            value = _SAMPLES[field.cpp_type]
            if field.is_repeated:
                getattr(message, field.name).append(value)
            else:
                setattr(message, field.name, value)
        elif depth < 3:
            part = getattr(message, field.name)
            filled(part.add() if field.is_repeated else part, depth + 1)
            if not field.is_repeated:
                part.SetInParent()
    return message


def golden_of(name):
    message = filled(envelope.message_class(name)())
    return {
        "bytes": message.SerializeToString(deterministic=True).hex(),
        "json": json_format.MessageToDict(message, preserving_proto_field_name=True),
    }


@pytest.mark.parametrize("name", sorted(FLOWS["events"]))
def test_an_event_published_long_ago_still_says_the_same(name):
    golden = json.loads(GOLDENS.read_text("utf-8"))[name]

    message = envelope.message_class(name).FromString(bytes.fromhex(golden["bytes"]))

    assert json_format.MessageToDict(message, preserving_proto_field_name=True) == golden["json"]


def test_every_event_that_is_defined_is_listed_in_the_flows():
    defined = {
        message.full_name
        for owner in OWNERS
        for message in importlib.import_module(
            f"otklik.{owner}.v1.events_pb2"
        ).DESCRIPTOR.message_types_by_name.values()
        if message.name != "Deadline"
    }

    assert set(FLOWS["events"]) == defined


@pytest.mark.parametrize("name", sorted(FLOWS["events"]))
def test_an_events_subject_follows_from_its_name_and_ends_in_the_aggregate(name):
    _, owner, version, short = name.split(".")

    prefix = envelope.subject_prefix(name)

    assert prefix.startswith(f"otklik.{owner}.{version}.")
    assert prefix.rpartition(".")[2].replace("_", "") == short.lower()


@pytest.mark.parametrize("reader", OWNERS)
def test_a_service_reads_exactly_the_events_that_the_flows_give_it(reader):
    listed = {name for name, readers in FLOWS["events"].items() if reader in (readers or {})}
    heard = importlib.import_module(f"otklik_{reader}.entrypoints.subscriptions").HEARD

    # A reader of one owner has one table, a reader of several one for each.
    tables = heard.values() if all(isinstance(key, str) for key in heard) else [heard]
    read = {kind.DESCRIPTOR.full_name for kinds in tables for kind in kinds}

    assert read == listed


if __name__ == "__main__":
    known = json.loads(GOLDENS.read_text("utf-8")) if GOLDENS.exists() else {}
    for event in FLOWS["events"]:
        known.setdefault(event, golden_of(event))
    text = json.dumps(known, indent=1, ensure_ascii=False, sort_keys=True)
    GOLDENS.write_text(text + "\n", "utf-8")
