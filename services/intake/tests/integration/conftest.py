from collections.abc import Sequence
from pathlib import Path

import pytest

from otklik_intake.domain.service import Service
from otklik_intake.entrypoints.submission_door import SubmissionDoor
from otklik_intake.settings import Settings

GENERAL = Service(name="services/general", display_name={"ru": "Общее", "en": "General"})
TERMINALS = Service(name="services/terminals", display_name={"ru": "Терминалы", "en": "Terminals"})


class CatalogueOf:
    """The catalogue as tickets would list it; `down` when tickets does not answer."""

    def __init__(self) -> None:
        self.listed = (GENERAL, TERMINALS)
        self.down = False

    async def services(self) -> Sequence[Service]:
        return () if self.down else self.listed

    async def refuses(self, name: str) -> bool:
        return not self.down and all(service.name != name for service in self.listed)


@pytest.fixture
def catalogue() -> CatalogueOf:
    return CatalogueOf()


@pytest.fixture
def door(intake, catalogue) -> SubmissionDoor:
    return SubmissionDoor(intake.reception, intake.accounts, catalogue)


@pytest.fixture
def service_settings(intake, tmp_path: Path) -> Settings:
    ring = tmp_path / "ring.json"
    ring.write_text(intake.ring.generate())
    return Settings(
        environment="development",
        host="127.0.0.1",
        database_url=intake.url,
        database_direct_url=intake.url,
        key_ring_file=ring,
        max_message_bytes=2 * 1024 * 1024,
        requests_per_minute=20,
        drain_seconds=5,
    )
