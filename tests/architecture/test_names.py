"""Names say what a thing is; the shared library knows no business."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = ROOT / "libs/runtime/otklik_runtime"
PACKAGES = [
    *(ROOT / "services").glob("*/otklik_*"),
    RUNTIME,
    ROOT / "ops/otklik_ops",
    ROOT / "tools",
]

# A drawer for everything has no name.
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager", "core", "lib"}
BUSINESS = re.compile(
    r"(?<![a-z])(ticket|customer|rating|breach|escalation|calendar|organisation|survey|"
    r"compensation|article|incident)(e?s)?(?![a-z])",
    re.IGNORECASE,
)
# Said by the runtime all the same, each for its reason; what is no longer said must go from here.
ALLOWED = {
    ("auth.py", "customer"): "the kinds of caller are one closed list, or default deny has a hole",
    ("key_ring.py", "customer"): "the purposes of a key are one table, or one passes for another",
    ("key_ring.py", "survey"): "the same table",
    ("service_token.py", "ticket"): "the service of that name is where tokens are exchanged",
}


def modules_of(package):
    return sorted(path for path in package.rglob("*.py") if "migrations" not in path.parts)


def words_of(path):
    """Give every name and every string of a module, but not its documentation."""
    tree = ast.parse(path.read_text())
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if id(node) in documentation:
            continue
        for field in ("id", "attr", "name", "arg", "module", "value"):
            word = getattr(node, field, None)
            if isinstance(word, str):
                # camelCase and snake_case are words beside each other
                yield re.sub(r"([a-z])([A-Z])", r"\1 \2", word).replace("_", " ")


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_no_module_is_a_drawer_for_everything(package):
    drawers = [
        str(path.relative_to(ROOT))
        for path in modules_of(package)
        if DRAWERS & set(path.with_suffix("").relative_to(package).parts)
    ]

    assert drawers == []


def test_the_runtime_library_knows_no_business_noun():
    nouns = {
        (path.name, found[1].lower())
        for path in modules_of(RUNTIME)
        for word in words_of(path)
        if (found := BUSINESS.search(word))
    }

    assert nouns == set(ALLOWED)


def test_a_business_noun_in_the_runtime_library_would_be_found(tmp_path):
    module = tmp_path / "planted.py"
    module.write_text(
        '"""A ticket is fine here."""\n\ndef open_ticket(): ...\n\nBREACHES = "sla"\n'
    )

    found = [word for word in words_of(module) if BUSINESS.search(word)]

    assert found == ["open ticket", "BREACHES"]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_every_module_says_what_it_is_for(package):
    silent = [
        str(path.relative_to(ROOT))
        for path in modules_of(package)
        if "tests" not in path.parts and ast.get_docstring(ast.parse(path.read_text())) is None
    ]

    assert silent == []
