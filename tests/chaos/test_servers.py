"""The broker and the databases are killed, wiped and cut under load."""

import time
from collections.abc import Awaitable

import pytest

from tests.chaos import faults
from tests.chaos.world import OpenWorld, World

RATE = 6.0
DRAIN_SECONDS = 240


class Recoveries(dict[str, str]):
    """How long after each fault messages were acknowledged again, for the report."""

    async def after(self, world: World, name: str, fault: Awaitable[object]) -> object:
        """Do it, and wait until the flow goes on."""
        began = time.monotonic()
        result = await fault
        await world.flowing(10)
        self[f"flows after {name}"] = f"{time.monotonic() - began:.1f} s"
        return result


@pytest.mark.timeout(900)
async def test_a_broker_that_dies_forgets_and_loses_a_stream_costs_nothing(
    open_world: OpenWorld,
):
    async with open_world("broker", rate=RATE) as hurt:
        told = Recoveries()
        hurt.begin_load()
        await hurt.flowing(20)

        await told.after(hurt, "kill -9 of the broker", faults.kill_broker(hurt))
        await told.after(hurt, "its store was wiped", faults.wipe_broker(hurt))
        for owner in ("tickets", "intake"):
            deleted = faults.delete_stream(hurt, owner)
            await told.after(hurt, f"the stream of {owner} went", deleted)
        await faults.inject_poison(hurt, "intake")
        await hurt.flowing(10)
        verdict = await hurt.judge("broker", seconds=DRAIN_SECONDS, facts=told)

    assert verdict.violations == ()


@pytest.mark.timeout(900)
async def test_a_database_that_restarts_dies_or_never_answers_a_commit_costs_nothing(
    open_world: OpenWorld,
):
    async with open_world("databases", rate=RATE) as hurt:
        told = Recoveries()
        hurt.begin_load()
        await hurt.flowing(20)

        await told.after(hurt, "a restart of PostgreSQL", faults.restart_postgres(hurt))
        await told.after(hurt, "kill -9 of PostgreSQL", faults.kill_postgres(hurt))
        cutting = faults.cut_connections(hurt, seconds=6)
        cut = await told.after(hurt, "connections were cut", cutting)
        lost = {
            service: await told.after(
                hurt,
                f"lost answers to {service}",
                faults.lose_commit_answers(hurt, service, 4, seconds=15),
            )
            for service in ("intake", "tickets", "notify")
        }
        verdict = await hurt.judge(
            "databases",
            seconds=DRAIN_SECONDS,
            facts={"connections cut": cut, "COMMITs not answered": sum(lost.values()), **told},
        )

    assert cut > 0
    assert all(lost.values()), lost
    assert verdict.violations == ()
