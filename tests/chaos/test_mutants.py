"""The checker is proven: the same rough treatment is green as we are, and red for every mutant."""

import asyncio
from pathlib import Path

import pytest

from tests.chaos import faults
from tests.chaos.checker import Verdict
from tests.chaos.mutants import MUTANTS, build
from tests.chaos.world import OpenWorld, World

KILLED = ("tickets", "notify")
STEPS = ("transaction.before_commit",)
AS_IT_IS = "as it is"
RATE = 5.0
# The same for all: red because of haste would prove nothing.
PATIENCE_SECONDS = 90
STUCK_SECONDS = 20
AT_ONCE = 3

# What each lacks shows in many places; here at least.
CAUGHT_BY = {
    "no_inbox": "counted by feedback",
    "ack_before_commit": "has not seen",
    "publish_before_commit": "for nothing",
    "plain_cursor": "unpublished",
}


@pytest.mark.timeout(1200)
async def test_the_checker_is_red_for_every_mutant_and_green_for_the_same_run_without(
    open_world: OpenWorld, tmp_path: Path
):
    room = asyncio.Semaphore(AT_ONCE)

    async def judged(name: str) -> Verdict:
        runtime = None if name == AS_IT_IS else build(name, tmp_path / name)
        async with (
            room,
            open_world(name.replace(" ", "-"), runtime=runtime, rate=RATE) as hurt,
        ):
            await _treat_roughly(hurt)
            return await hurt.judge(
                name, seconds=PATIENCE_SECONDS, stuck_seconds=STUCK_SECONDS, facts={}
            )

    names = (AS_IT_IS, *MUTANTS)
    verdicts = dict(zip(names, await asyncio.gather(*map(judged, names)), strict=True))

    assert verdicts[AS_IT_IS].violations == ()
    missed = {
        name: verdicts[name].violations
        for name in MUTANTS
        if not any(CAUGHT_BY[name] in violation for violation in verdicts[name].violations)
    }
    assert missed == {}


async def _treat_roughly(hurt: World) -> None:
    """Overtake and refuse commits, forget the broker's store, and die before commits."""
    await faults.disturb_commits(hurt)
    hurt.begin_load()
    await hurt.flowing(15)
    await faults.wipe_broker(hurt)
    await hurt.flowing(8)
    await faults.hasten_redelivery(hurt)
    await asyncio.gather(*(faults.hit_each(hurt, service, STEPS, seconds=15) for service in KILLED))
    await hurt.flowing(8)
