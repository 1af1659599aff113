"""The small parts that every other message is made of."""

from otklik.sla.v1 import clock_pb2
from otklik.type.v1 import localized_text_pb2
from otklik_runtime import ids
from otklik_sla.domain.clocks import Clock
from otklik_sla.domain.hours import Label
from otklik_sla.domain.kept import Kept
from otklik_sla.domain.kinds import ClockKind


def kind_of(kind: ClockKind) -> clock_pb2.ClockKind.ValueType:
    """Write a kind of clock."""
    return clock_pb2.ClockKind.Value(f"CLOCK_KIND_{kind.upper()}")


def label_of(text: localized_text_pb2.LocalizedText) -> Label:
    """Read what a person calls something."""
    return Label(ru=text.ru, en=text.en)


def text_of(label: Label) -> localized_text_pb2.LocalizedText:
    """Write what a person calls something."""
    return localized_text_pb2.LocalizedText(ru=label.ru, en=label.en)


def clock_id(story: Kept, clock: Clock) -> str:
    """Return a clock's id: the same on every replay."""
    return clock_id_of(story.conversation_id, clock.kind, clock.anchor)


def clock_id_of(conversation_id: str, kind: ClockKind, anchor: str) -> str:
    """Return the id of a conversation's clock of a kind that hangs on a fact."""
    return ids.stable_id("clock", conversation_id, kind, anchor)
