"""Who can sign in: the agents of the seed."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from tools.local.issuer.phrases import ROLES


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who can sign in."""

    subject: str
    name: str
    locale: str
    roles: tuple[str, ...]


def read_people(path: Path) -> dict[str, Person]:
    """Read the people of a seed file, by subject."""
    agents = yaml.safe_load(path.read_text())["agents"]
    people = (
        Person(
            subject=agent["subject"],
            name=agent["display_name"],
            locale=agent["locale"],
            roles=tuple(role for role in ROLES if role in agent["roles"]),
        )
        for agent in agents
    )
    return {person.subject: person for person in people}
