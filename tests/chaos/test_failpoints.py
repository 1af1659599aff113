"""Every step between a fact and its effect is killed once, under load."""

import asyncio

import pytest

from tests.chaos import faults
from tests.chaos.world import OpenWorld, World

# Services that die at the same time; more would only wait for the processor.
AT_ONCE = 3
RATE = 6.0
DRAIN_SECONDS = 240


@pytest.mark.timeout(1500)
async def test_a_process_that_dies_at_any_step_loses_nothing_and_doubles_nothing(
    open_world: OpenWorld,
):
    async with open_world("failpoints", rate=RATE) as hurt:
        failpoints = faults.failpoints_of(hurt.services)
        hurt.begin_load()
        await hurt.flowing(20)

        missed = await _hit_all(hurt, failpoints)
        await hurt.flowing(20)
        verdict = await hurt.judge(
            "failpoints",
            seconds=DRAIN_SECONDS,
            facts={"failpoints": sum(map(len, failpoints.values()))},
        )

    assert missed == []
    assert verdict.violations == ()


def test_every_service_registers_failpoints_around_its_commits_and_its_effects():
    failpoints = faults.failpoints_of(("intake", "tickets", "sla", "notify", "feedback"))

    for service, names in failpoints.items():
        assert {
            "transaction.before_commit",
            "transaction.after_commit",
            "relay.before_publish",
            "relay.after_publish",
            "relay.after_mark",
            "subscription.before_ack",
            "subscription.after_ack",
        } <= set(names), service
    assert "intake.after_commit_before_reply" in failpoints["intake"]
    assert "notify.after_server_accepted" in failpoints["notify"]


async def _hit_all(hurt: World, failpoints: dict[str, list[str]]) -> list[str]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one_after_another(service: str, names: list[str]) -> list[str]:
        async with room:
            return await faults.hit_each(hurt, service, names)

    # The longest first, so that the last does not die alone.
    ordered = sorted(failpoints.items(), key=lambda one: -len(one[1]))
    missed = await asyncio.gather(*(one_after_another(*one) for one in ordered))
    return [name for names in missed for name in names]
