"""Every event has something to say to a person, in both languages."""

import importlib

import pytest

from otklik_ops.flows import contracted
from otklik_runtime import envelope
from tools.local.demo.facts import PHRASES, Facts
from tools.local.ports import Ports

for owner in contracted().owners:
    importlib.import_module(f"otklik.{owner}.v1.events_pb2")


@pytest.mark.parametrize("event", contracted().events, ids=lambda event: event.full_name)
@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_event_of_the_contracts_is_told(event, language, a_told):
    told = a_told(envelope.message_class(event.full_name)())

    assert Facts(language).of(told)


def test_russian_and_english_say_different_things():
    same = [key for key, phrase in PHRASES.items() if phrase.ru == phrase.en]

    assert same == ["state"]


def test_no_two_parts_of_a_stack_share_a_port():
    ports = [port for port, _ in Ports(7400).all()]

    assert len(set(ports)) == len(ports)
