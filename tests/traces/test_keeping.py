"""The buffer stays within its bound and forgets whole traces, links included."""

import asyncio

import pytest

from tests.traces.made_spans import OTHER_TRACE, TRACE, a_link, a_span
from tools.traces import TraceStore


def test_the_trace_that_was_quiet_the_longest_makes_room():
    store = TraceStore(max_spans=4)
    store.add([a_span("a", 0, 1, trace_id="aa" * 16), a_span("b", 0, 1, trace_id="aa" * 16)])
    store.add([a_span("c", 0, 1, trace_id="bb" * 16)])
    store.add([a_span("d", 0, 1, trace_id="aa" * 16)])

    store.add([a_span("e", 0, 1, trace_id="cc" * 16)])

    assert store.trace("bb" * 16) is None
    assert len(store.trace("aa" * 16).spans) == 3
    assert (store.span_count, store.evicted_traces) == (4, 1)


def test_a_trace_that_alone_fills_the_buffer_keeps_its_beginning():
    store = TraceStore(max_spans=3)

    refused = store.add([a_span(str(number), number, number + 1) for number in range(5)])

    assert refused == 2
    assert [span.name for span in store.trace(TRACE).spans] == ["0", "1", "2"]
    assert store.refused_spans == 2


def test_links_are_seen_from_both_ends_until_one_end_is_forgotten():
    store = TraceStore(max_spans=2)
    target = a_span("process", 0, 1)
    linker = a_span("fetch", 0, 1, trace_id=OTHER_TRACE, links=(a_link(TRACE, "process"),))
    store.add([linker, target])
    assert store.linked_from(target) == (linker,)

    store.add([a_span("more", 1, 2)])

    assert store.trace(OTHER_TRACE) is None
    assert store.linked_from(target) == ()
    assert store._linkers == {}


def test_a_link_to_what_arrives_later_is_found_then():
    store = TraceStore()
    linker = a_span("fetch", 0, 1, trace_id=OTHER_TRACE, links=(a_link(TRACE, "process"),))

    store.add([linker])
    target = a_span("process", 0, 1)
    store.add([target])

    assert store.linked_from(target) == (linker,)


def test_the_trace_that_changed_last_is_listed_first():
    store = TraceStore()
    for trace_id in ("aa" * 16, "bb" * 16, "aa" * 16):
        store.add([a_span(f"at {store.received_spans}", 0, 1, trace_id=trace_id)])

    assert [trace.trace_id for trace in store.recent()] == ["aa" * 16, "bb" * 16]


async def test_a_waiter_looks_again_only_at_what_changed():
    store = TraceStore()
    store.add([a_span("old", 0, 1)])
    looked_at = []

    def is_new(trace):
        looked_at.append(trace.root.name)
        return trace.root.name == "new"

    waiting = asyncio.create_task(store.wait_for(is_new, timeout=5))
    await asyncio.sleep(0)
    store.add([a_span("new", 0, 1, trace_id=OTHER_TRACE)])

    assert (await waiting).trace_id == OTHER_TRACE
    assert looked_at == ["old", "new"]


async def test_two_waiters_are_served_by_one_arrival():
    store = TraceStore()
    waiting = [asyncio.create_task(store.wait_for(lambda trace: True, timeout=5)) for _ in "12"]
    await asyncio.sleep(0)

    store.add([a_span("one", 0, 1)])

    assert len({id(trace) for trace in await asyncio.gather(*waiting)}) == 1


@pytest.mark.parametrize(
    ("value", "key", "held"),
    [("mail", None, True), ("mail", "channel", True), ("mail", "other", False), ("3", "n", True)],
)
def test_a_trace_is_found_by_an_attribute_value(value, key, held):
    store = TraceStore()
    store.add([a_span("one", 0, 1, attributes={"channel": "mail", "n": 3})])

    assert store.trace(TRACE).holds(value, key) is held
