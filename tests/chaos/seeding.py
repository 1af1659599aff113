"""The seed of the demo with two deadlines so short that clocks are breached while things die."""

import shutil
from pathlib import Path
from typing import Any

import yaml

from otklik.tickets.v1 import directory_service_pb2, directory_service_pb2_grpc
from tools.local.callers import Callers
from tools.local.environment import BOOTSTRAP_SUBJECT
from tools.local.seed import SEED, Seeder
from tools.local.stack import Stack

HASTY_POLICY = "policies/high"
ALWAYS = "calendars/always"
HASTY = {"CLOCK_KIND_FIRST_RESPONSE": "4s", "CLOCK_KIND_RESOLUTION": "6s"}


async def seed(stack: Stack) -> None:
    """Load it through the public APIs."""
    folder = hasty_seed(stack.place.path / "seed")
    async with Callers(stack.ports, stack.secrets) as callers:
        # Signed in before the seeder calls two services at once.
        directory: Any = await callers.person(
            BOOTSTRAP_SUBJECT, directory_service_pb2_grpc.DirectoryServiceStub, "tickets"
        )
        await directory.ListAgents(directory_service_pb2.ListAgentsRequest())
        seeder = Seeder(callers=callers, place=stack.place, folder=folder)
        await seeder.load(tuple(stack.services))


def hasty_seed(folder: Path) -> Path:
    """Copy the demo's seed with the hasty policy in it."""
    shutil.copytree(SEED, folder, dirs_exist_ok=True)
    path = folder / "policies.yaml"
    document = yaml.safe_load(path.read_text())
    for policy in document["policies"]:
        if policy["name"] == HASTY_POLICY:
            for target in policy["targets"]:
                target["duration"] = HASTY.get(target["clock_kind"], target["duration"])
                target["calendar"] = ALWAYS
    path.write_text(yaml.safe_dump(document, allow_unicode=True))
    return folder
