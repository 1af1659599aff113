"""The layout of a trace over time: work is visible, waiting is short and labelled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.traces.made_spans import MILLISECOND, TRACE, a_mark, a_span, an_id
from tools.traces import Trace
from tools.traces.waterfall import waterfall

MINUTE_MS = 60_000


def test_without_silence_time_runs_evenly():
    drawn = waterfall(Trace.of(TRACE, [a_span("a", 0, 100), a_span("b", 25, 75)]))

    assert drawn.axis.squeezed == ()
    assert [(bar.left, bar.width) for bar in drawn.bars] == [(0, 100), (25, 50)]


def test_a_long_silence_becomes_a_narrow_band_that_says_its_length():
    spans = [a_span("mail", 0, 40), a_span("rating", MINUTE_MS, MINUTE_MS + 40)]

    drawn = waterfall(Trace.of(TRACE, spans))

    (band,) = drawn.axis.squeezed
    assert band.length_ns == (MINUTE_MS - 40) * MILLISECOND
    assert band.right - band.left == pytest.approx(6)
    assert [bar.width for bar in drawn.bars] == [pytest.approx(47), pytest.approx(47)]


def test_an_even_axis_is_there_for_who_asks():
    spans = [a_span("mail", 0, 40), a_span("rating", MINUTE_MS, MINUTE_MS + 40)]

    drawn = waterfall(Trace.of(TRACE, spans), even=True)

    assert drawn.axis.squeezed == ()
    assert drawn.bars[0].width < 1


def test_many_silences_leave_half_of_the_width_to_the_work():
    spans = [a_span(str(n), n * MINUTE_MS, n * MINUTE_MS + 1) for n in range(40)]

    drawn = waterfall(Trace.of(TRACE, spans))

    assert len(drawn.axis.squeezed) == 39
    assert sum(bar.width for bar in drawn.bars) >= 49.9


def test_events_are_marked_where_they_happened():
    span = a_span("a", 0, 100, events=(a_mark("commit", 80),))

    (bar,) = waterfall(Trace.of(TRACE, [span])).bars

    assert bar.marks == (pytest.approx(80),)


def test_a_trace_of_no_length_is_drawn():
    drawn = waterfall(Trace.of(TRACE, [a_span("instant", 5, 5)]))

    assert [tick.offset_ns for tick in drawn.ticks] == [0]
    assert drawn.bars[0].width > 0


@given(
    times=st.lists(
        st.tuples(st.integers(0, 10**7), st.integers(0, 10**6)), min_size=1, max_size=20
    ),
    even=st.booleans(),
)
def test_bars_stay_on_the_paper_and_keep_the_order_of_time(times, even):
    spans = [
        a_span(str(number), start, start + length, span_id=an_id(f"{number:04}"))
        for number, (start, length) in enumerate(times)
    ]

    drawn = waterfall(Trace.of(TRACE, spans), even=even)

    for bar in drawn.bars:
        assert bar.left >= 0
        assert bar.left + bar.width <= 100.0001
    places = [drawn.axis.place(span.start_ns) for span in drawn.trace.spans]
    assert places == sorted(places)
    assert [tick.place for tick in drawn.ticks] == sorted(tick.place for tick in drawn.ticks)
