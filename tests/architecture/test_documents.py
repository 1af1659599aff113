"""What the documents point at is there: paths, names in modules, links and make targets."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "libs/*/*.md", "services/*/*.md", "tests/*.md")
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md"
)
# A path of the repository in backticks, perhaps with the name of something in it.
POINTER = re.compile(
    r"`((?:[\w.-]+/)+[\w.-]*\.(?:py|md|proto|ya?ml|toml|txt|sql|html|css|js))(?:::([\w.]+))?`"
)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
TARGET = re.compile(r"`make ([a-z-]+)")
# Made when it runs.
NOT_COMMITTED = (".run/", ".venv/", ".cache/")


def found(pointer):
    """Find a path as it is written: from the root, or from inside a service or the runtime."""
    first, _, rest = pointer.partition("/")
    candidates = [
        ROOT / pointer,
        ROOT / "services" / first / f"otklik_{first}" / rest,
        ROOT / "services" / first.removeprefix("otklik_") / first / rest,
        ROOT / "libs/runtime" / pointer,
        ROOT / "ops" / pointer,
    ]
    return next((path for path in candidates if path.exists()), None)


def names_in(path):
    """List what a module defines: functions, classes, their members, and constants."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def pointers(document):
    return [
        (path, name)
        for path, name in POINTER.findall(document.read_text())
        if not path.startswith(NOT_COMMITTED)
    ]


def identity(document):
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=identity)
def test_every_path_in_a_document_exists(document):
    assert [path for path, _ in pointers(document) if found(path) is None] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=identity)
def test_every_name_in_a_document_is_in_its_module(document):
    absent = [
        f"{path}::{name}"
        for path, name in pointers(document)
        if name and found(path) and not set(name.split(".")) <= set(names_in(found(path)))
    ]

    assert absent == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=identity)
def test_every_link_in_a_document_leads_somewhere(document):
    dead = [
        link for link in LINK.findall(document.read_text()) if not (document.parent / link).exists()
    ]

    assert dead == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=identity)
def test_every_make_target_in_a_document_exists(document):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(TARGET.findall(document.read_text())) <= targets


def test_a_pointer_to_nothing_would_be_found(tmp_path):
    document = tmp_path / "journey.md"
    document.write_text("`intake/nothing.py::here`, `otklik_runtime/errors.py::OtklikError`")

    assert [found(path) is not None for path, _ in pointers(document)] == [False, True]
    assert "OtklikError" in set(names_in(found("otklik_runtime/errors.py")))
