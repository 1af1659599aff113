"""The import contracts hold, and each of them turns red when its rule is broken.

A contract nobody saw fail is not a check: the tree is copied, one violation is planted in the copy,
and the linter must name the very contract.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MEMBERS = [
    *sorted((ROOT / "services").glob("*/otklik_*")),
    ROOT / "libs/runtime/otklik_runtime",
    ROOT / "ops/otklik_ops",
    ROOT / "libs/contracts/otklik",
]

INDEPENDENT = "Services never import one another"
INWARDS = "Inside a service, imports point inwards"
NO_MACHINERY = "Rules and verbs know no machinery"
CALLED = "Adapters are called; they do not call the verbs"
LIBRARIES = "Libraries serve every service and know none"
SETTINGS = "Only bootstrap reads settings"

VIOLATIONS = [
    ("otklik_tickets.adapters", "import otklik_sla", INDEPENDENT),
    ("otklik_desk.bootstrap", "import otklik_tickets", INDEPENDENT),
    ("otklik_tickets.domain", "import otklik_tickets.handlers", INWARDS),
    ("otklik_notify.ports", "import otklik_notify.wire", INWARDS),
    ("otklik_sla.entrypoints", "import otklik_sla.adapters", INWARDS),
    ("otklik_intake.wire", "import otklik_intake.handlers", INWARDS),
    ("otklik_tickets.helpers", "", INWARDS),
    ("otklik_sla.domain", "import sqlalchemy", NO_MACHINERY),
    ("otklik_feedback.domain", "from google.protobuf import message", NO_MACHINERY),
    ("otklik_intake.handlers", "import otklik.intake.v1.events_pb2", NO_MACHINERY),
    ("otklik_tickets.handlers", "import otklik_runtime.planted", NO_MACHINERY),
    ("otklik_feedback.adapters", "import otklik_feedback.handlers", CALLED),
    ("otklik_runtime.planted", "import otklik_intake", LIBRARIES),
    ("otklik_runtime.planted", "import otklik_ops", LIBRARIES),
    ("otklik.planted", "import otklik_runtime", LIBRARIES),
    ("otklik_tickets.adapters", "import otklik_tickets.settings", SETTINGS),
]


def lint(folder):
    """Run the project's own contracts over the packages in a folder."""
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache", "--no-logo"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},  # noqa: TID251 - a child's environment
        capture_output=True,
        text=True,
        check=False,
    )


def plant(folder, module, line):
    """Add a line to a module of the copy; make the module if it is not there."""
    path = folder / Path(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    before = path.read_text() if path.exists() else '"""Planted."""\n'
    path.write_text(f"{before}\n{line}\n")


@pytest.fixture(scope="module")
def copy_of_the_tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for package in MEMBERS:
        shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("*.pyc"))
    # What a violation needs in order to exist where a service has no such module yet.
    for name in ("otklik_intake", "otklik_tickets", "otklik_sla", "otklik_notify"):
        for module in ("settings", "handlers", "wire", "adapters"):
            if not (folder / name / module / "__init__.py").exists():
                plant(folder, f"{name}.{module}", "")
    plant(folder, "otklik_feedback.handlers", "")
    plant(folder, "otklik_runtime.planted", "import nats")
    return folder


@pytest.mark.timeout(120)
def test_the_tree_keeps_its_contracts(copy_of_the_tree):
    kept = lint(copy_of_the_tree)

    assert kept.returncode == 0, kept.stdout


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("module", "line", "contract"), VIOLATIONS)
def test_a_violation_turns_its_contract_red(copy_of_the_tree, tmp_path, module, line, contract):
    folder = tmp_path / "tree"
    shutil.copytree(copy_of_the_tree, folder)
    plant(folder, module, line)

    broken = lint(folder)

    assert broken.returncode != 0
    assert f"{contract} BROKEN" in broken.stdout
