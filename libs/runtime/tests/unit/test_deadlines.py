from otklik_runtime import deadlines


def test_there_is_no_deadline_outside_of_a_call():
    assert deadlines.remaining() is None
    assert deadlines.remaining(default=30.0) == 30.0


def test_an_inner_deadline_can_only_be_earlier():
    with deadlines.within(10):
        with deadlines.within(60):
            assert deadlines.remaining(0) <= 10
        with deadlines.within(1):
            assert deadlines.remaining(0) <= 1
        assert 9 < deadlines.remaining(0) <= 10
    assert deadlines.remaining() is None


def test_a_spent_deadline_leaves_nothing():
    with deadlines.within(-1):
        assert deadlines.remaining() == 0
