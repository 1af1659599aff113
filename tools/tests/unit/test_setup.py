import json

import pytest

from tools import setup


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with an environment that was never made."""
    for member in setup.MEMBERS:
        (tmp_path / member).mkdir(parents=True)
        (tmp_path / member / "pyproject.toml").write_text(f'name = "{member}"')
    (tmp_path / "requirements").mkdir()
    for kind in ("demo", "dev"):
        (tmp_path / "requirements" / f"{kind}.txt").write_text("one==1\ntwo==2\n")
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    monkeypatch.setattr(setup, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(setup, "STAMP", tmp_path / ".venv/stamp.json")
    return tmp_path


def made(checkout, kind):
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/python").touch()
    setup.STAMP.write_text(json.dumps({kind: setup.fingerprint(kind)}))


def test_a_fresh_checkout_is_not_ready(checkout):
    assert not setup.is_ready("demo")


def test_what_was_made_from_the_same_files_is_ready(checkout):
    made(checkout, "demo")

    assert setup.is_ready("demo")
    assert not setup.is_ready("dev")


def test_a_development_environment_plays_the_demo_too(checkout):
    made(checkout, "dev")

    assert setup.is_ready("demo")


@pytest.mark.parametrize("changed", ["requirements/demo.txt", "services/sla/pyproject.toml"])
def test_a_changed_requirement_or_member_makes_it_stale(checkout, changed):
    made(checkout, "demo")

    (checkout / changed).write_text("changed")

    assert not setup.is_ready("demo")


def test_an_environment_whose_python_is_gone_is_not_ready(checkout):
    made(checkout, "demo")

    (checkout / ".venv/bin/python").unlink()

    assert not setup.is_ready("demo")


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("NewConnectionError: Failed to establish", "the package index cannot be reached"),
        ("ERROR: No matching distribution (from versions: none)", "point pip at a mirror"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "changed it"),
        ("first\n\nlast words", "first / last words"),
    ],
)
def test_what_pip_said_becomes_what_a_person_can_do(checkout, said, advice):
    assert advice in setup.sentence(said)
