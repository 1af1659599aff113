"""A trace as a tree of text lines, and the order of that tree on any input."""

import textwrap

from hypothesis import given
from hypothesis import strategies as st

from tests.traces.made_spans import OTHER_TRACE, TRACE, a_link, a_span, an_id
from tools.traces import Trace, TraceStore, tree


def a_story():
    return [
        a_span("smtp", 0, 40, span_id=an_id("smtp")),
        a_span("store", 5, 30, parent_id=an_id("smtp")),
        a_span(
            "process",
            61,
            94,
            parent_id=an_id("smtp"),
            service="tickets",
            status="error",
            status_message="no such customer",
            links=(a_link(OTHER_TRACE, "fetch"),),
        ),
        a_span("select", 64, 64.25, parent_id=an_id("process"), service="tickets"),
    ]


def plain(text):
    return "\n".join(line.rstrip() for line in text.replace("\u00a0", " ").splitlines())


def test_a_tree_shows_offset_duration_service_and_name_of_every_span():
    drawn = tree(Trace.of(TRACE, a_story()))

    assert plain(drawn) == textwrap.dedent(
        f"""\
        Trace {TRACE} · 4 spans · 2 services · 94 ms · 1 error
                 +0      40 ms  intake   smtp
              +5 ms      25 ms  intake   ├─ store
             +61 ms      33 ms  tickets  └─ process  ✗ no such customer
                                            │  ↪ links to {an_id("fetch")} ({OTHER_TRACE})
             +64 ms     250 µs  tickets     └─ select"""
    )


def test_a_tree_names_the_other_end_of_its_links_where_it_is_kept():
    store = TraceStore()
    fetch = a_span("fetch", 55, 100, trace_id=OTHER_TRACE, service="tickets")
    agent = a_span("answer", 70, 90, trace_id=OTHER_TRACE, links=(a_link(TRACE, "smtp"),))
    store.add([*a_story(), fetch, agent])

    drawn = tree(store.trace(TRACE), store=store)

    assert "↪ links to tickets · fetch (22222222…)" in drawn
    assert "↩ linked from intake · answer (22222222…)" in drawn


def test_a_tree_speaks_russian_with_russian_plurals():
    drawn = plain(tree(Trace.of(TRACE, a_story()), language="ru"))

    assert drawn.startswith(f"Трасса {TRACE} · 4 спана · 2 сервиса · 94 мс · 1 ошибка")
    assert "+61 мс      33 мс" in drawn
    assert "↪ ссылается на" in drawn


def test_a_span_whose_parent_is_missing_stands_at_the_top_and_says_so():
    orphan = a_span("process", 0, 1, parent_id="ab" * 8)

    assert f"its parent {'ab' * 8} has not arrived" in tree(Trace.of(TRACE, [orphan]))


def test_a_circle_of_parents_is_drawn_and_ends():
    first = a_span("first", 0, 1, parent_id=an_id("second"))
    second = a_span("second", 1, 2, parent_id=an_id("first"))

    names = [branch.span.name for branch in Trace.of(TRACE, [first, second]).branches()]

    assert names == ["first", "second"]


def test_a_chain_deeper_than_the_stack_of_python_is_walked():
    chain = [
        a_span(
            str(number),
            number,
            number + 1,
            span_id=f"{number + 1:016x}",
            parent_id=f"{number:016x}" if number else None,
        )
        for number in range(3000)
    ]

    depths = [branch.depth for branch in Trace.of(TRACE, chain).branches()]

    assert depths == list(range(3000))


@given(
    parents=st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 50), st.integers(0, 50)),
        min_size=1,
        max_size=12,
    )
)
def test_any_set_of_parents_is_walked_with_every_span_once_and_parents_first(parents):
    spans = [
        a_span(
            str(number),
            start,
            start + length,
            span_id=f"{number + 1:016x}",
            parent_id=f"{parent:016x}" if parent else None,
        )
        for number, (parent, start, length) in enumerate(parents)
    ]

    branches = list(Trace.of(TRACE, spans).branches())

    walked = [branch.span.span_id for branch in branches]
    assert sorted(walked) == sorted(span.span_id for span in spans)
    for place, branch in enumerate(branches):
        if branch.depth:
            assert branch.span.parent_id in walked[:place]
