"""The folder of a stack: room, lock, facts."""

import shutil

import pytest

from tools.local.failures import AlreadyRuns, NoRoom
from tools.local.home import MEGABYTE, Home


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "run")


def test_a_full_disk_is_said_before_anything_is_started(home, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=12 * MEGABYTE)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    with pytest.raises(NoRoom, match=r"12 MB free .* OTKLIK_RUN_DIR"):
        home.prepare()


def test_two_stacks_cannot_hold_one_folder(home):
    with home.held(), pytest.raises(AlreadyRuns, match="make down"), Home(home.path).held():
        pass

    assert home.holder() is None


def test_facts_are_recalled_and_missing_ones_are_empty(home):
    home.prepare()
    home.remember("facts.json", {"base": 7400})

    assert home.recall("facts.json") == {"base": 7400}
    assert home.recall("others.json") == {}
