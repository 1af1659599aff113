import asyncio

import pytest

from otklik_runtime.errors import Conflict, Forbidden, Unavailable
from otklik_runtime.timer import Timer

LONG = 3600.0


async def test_a_timer_goes_on_at_once_while_there_is_more():
    left, empty = [3], asyncio.Event()

    async def once():
        left[0] -= 1
        if not left[0]:
            empty.set()
        return left[0] > 0

    timer = Timer("sweeper", once, every_seconds=LONG)
    running = asyncio.create_task(timer.run())

    await asyncio.wait_for(empty.wait(), 5)
    await timer.drain()
    await asyncio.wait_for(running, 5)
    assert left == [0]


async def test_a_timer_looks_again_after_its_rest():
    looked, often = [0], asyncio.Event()

    async def once():
        looked[0] += 1
        if looked[0] == 3:
            often.set()
        return False

    timer = Timer("sweeper", once, every_seconds=0.001)
    running = asyncio.create_task(timer.run())

    await asyncio.wait_for(often.wait(), 5)
    await timer.drain()
    await asyncio.wait_for(running, 5)


@pytest.mark.parametrize("failure", [Unavailable, Conflict])
async def test_a_failure_that_passes_is_logged_and_tried_again(failure, caplog):
    tried, again = [0], asyncio.Event()

    async def once():
        tried[0] += 1
        if tried[0] == 1:
            raise failure("database_away", "the database is away")
        again.set()
        return False

    timer = Timer("sweeper", once, every_seconds=0.001)
    running = asyncio.create_task(timer.run())

    await asyncio.wait_for(again.wait(), 5)
    await timer.drain()
    await asyncio.wait_for(running, 5)
    assert "sweeper tries again" in caplog.messages


async def test_any_other_failure_ends_the_timer():
    async def once():
        raise Forbidden("not_allowed", "this may not be done")

    with pytest.raises(Forbidden):
        await Timer("sweeper", once, every_seconds=LONG).run()


async def test_a_drained_timer_begins_nothing():
    begun = []

    async def once():
        begun.append(True)
        return False

    timer = Timer("sweeper", once, every_seconds=LONG)
    await timer.drain()
    await timer.run()

    assert begun == []
    assert timer.ready() is None
