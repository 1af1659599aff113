"""Write the documents that are tables of what the code already says.

python tools/gen_docs.py           write docs/events.md, docs/configuration.md, docs/telemetry.md
python tools/gen_docs.py --check   fail if they differ from what the code says
"""

import argparse
import pkgutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import yaml
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from otklik_runtime import env, metrics  # noqa: E402 - after the path
from tools import gen_proto  # noqa: E402 - run by path or by -m

DOCS = ROOT / "docs"
SERVICES = ("intake", "tickets", "sla", "notify", "feedback", "desk")
PACKAGES = ("otklik_runtime", *(f"otklik_{service}" for service in SERVICES), "otklik_ops")
SETTINGS = (
    *(f"otklik_{service}.settings" for service in SERVICES),
    "otklik_ops.provisioner.settings",
)
# Not part of what runs: needs pytest, or is loaded by Alembic.
NOT_IMPORTED = (".testing", ".migrations.", ".__main__")

# Fields of a descriptor by number, as source locations name them.
MESSAGES, SERVICE_DEFINITIONS, METHODS = 4, 6, 2


def main() -> None:
    """Write the documents, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check: bool = parser.parse_args().check
    documents = {
        "events.md": events(),
        "configuration.md": configuration(),
        "telemetry.md": telemetry(),
    }
    stale = [name for name, text in documents.items() if _written(name) != text]
    if check and stale:
        sys.exit(f"docs: {', '.join(stale)} differ from the code; run `make docs`")
    if not check:
        DOCS.mkdir(exist_ok=True)
        for name in stale:
            (DOCS / name).write_text(documents[name])


def events() -> str:
    """Tell who says, hears and calls what: `proto/flows.yaml` with the contracts' own comments."""
    flows = yaml.safe_load((ROOT / "proto/flows.yaml").read_text())
    comments = dict(_comments())
    lines = _head("Events and methods", "`proto/flows.yaml` and the contracts' comments")
    lines += [
        "A flow that is not here does not exist: NATS permissions and authorisation come from it.",
        "",
    ]
    for owner, names in _by_owner(flows["events"]):
        lines += [f"## What {owner} says", "", "| event | meaning | heard by |", "|---|---|---|"]
        for name in names:
            heard = "; ".join(f"**{who}** {why}" for who, why in flows["events"][name].items())
            short = name.rpartition(".")[2]
            lines.append(f"| `{short}` | {comments.get(name, '')} | {heard or 'nobody yet'} |")
        lines.append("")
    for service, methods in flows["methods"].items():
        lines += [f"## `{service}`", "", "| method | meaning | who may call it |", "|---|---|---|"]
        for method, rule in methods.items():
            callers = f"; through {', '.join(rule['callers'])}" if "callers" in rule else ""
            meaning = comments.get(f"{service}.{method}", "")
            lines.append(f"| `{method}` | {meaning} | {', '.join(rule['roles'])}{callers} |")
        lines.append("")
    return "\n".join(lines)


def configuration() -> str:
    """List every variable of every process with its default and its meaning."""
    lines = _head("Configuration", "the `Settings` of each process")
    lines += [
        "A setting `X` of the service `S` is read from `OTKLIK_<S>_X`, else from `OTKLIK_X`.",
        "A secret can also be given as a file: `OTKLIK_<S>_X_FILE`, else `OTKLIK_X_FILE`.",
        "A service with a wrong, missing or unknown variable names it and does not start.",
        "",
        "## Every service",
        "",
        *_table(env.Settings, env.Settings.model_fields, prefix="OTKLIK_"),
    ]
    for module in filter(_exists, SETTINGS):
        own: type[env.Settings] = import_module(module).Settings
        fields = [name for name in own.model_fields if name not in env.Settings.model_fields]
        lines += ["", f"## {own.service}", ""]
        if fields:
            lines += _table(own, fields, prefix=f"OTKLIK_{own.service.upper()}_")
        unused = ", ".join(f"`OTKLIK_{name.upper()}`" for name in sorted(own.unused))
        lines += ["", f"Does without {unused}."] if unused else []
    return "\n".join(lines) + "\n"


def telemetry() -> str:
    """List every metric that the code declares."""
    for package in PACKAGES:
        for module in _modules(package):
            import_module(module)
    lines = _head("Telemetry", "the declarations of `otklik_runtime.metrics`")
    lines += [
        "A metric that is not declared cannot be counted.",
        "Attributes hold no identifiers and no personal data.",
        "",
        "| metric | kind | unit | attributes | meaning |",
        "|---|---|---|---|---|",
    ]
    for metric in metrics.declared():
        attributes = ", ".join(f"`{name}`" for name in sorted(metric.attributes))
        cells = (
            f"`{metric.name}`",
            metric.kind,
            f"`{metric.unit}`",
            attributes,
            metric.description,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _head(title: str, source: str) -> list[str]:
    return [f"# {title}", "", f"Generated from {source} by `make docs`; do not edit.", ""]


def _written(name: str) -> str:
    path = DOCS / name
    return path.read_text() if path.exists() else ""


def _by_owner(names: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    owners: dict[str, list[str]] = {}
    for name in names:
        owners.setdefault(name.split(".")[1], []).append(name)
    yield from owners.items()


def _table(settings: type[env.Settings], names: Iterable[str], *, prefix: str) -> Iterator[str]:
    yield "| variable | default | meaning |"
    yield "|---|---|---|"
    for name in names:
        field = settings.model_fields[name]
        if name in settings.needed or field.is_required():
            default = "needed"
        else:
            default = f"`{field.default}`" if str(field.default) not in {"", "None", "{}"} else ""
        secret = " (secret)" if settings.is_secret(name) else ""
        yield f"| `{prefix}{name.upper()}` | {default} | {field.description or ''}{secret} |"


def _exists(module: str) -> bool:
    return find_spec(module.rpartition(".")[0]) is not None and find_spec(module) is not None


def _modules(package: str) -> Iterator[str]:
    found = pkgutil.walk_packages(import_module(package).__path__, f"{package}.")
    for module in found:
        if not any(part in f"{module.name}." for part in NOT_IMPORTED):
            yield module.name


def _comments() -> Iterator[tuple[str, str]]:
    """Give the first sentence written above every message and method."""
    with tempfile.NamedTemporaryFile(suffix=".binpb") as image:
        gen_proto.write_image(Path(image.name))
        files = FileDescriptorSet.FromString(Path(image.name).read_bytes())
    for file in files.file:
        for location in file.source_code_info.location:
            name = _named(file, list(location.path))
            comment = " ".join(location.leading_comments.split())
            if name and comment:
                yield f"{file.package}.{name}", comment.split(". ")[0].rstrip(".") + "."


def _named(file: FileDescriptorProto, path: list[int]) -> str:
    match path:
        case [kind, index] if kind == MESSAGES:
            return file.message_type[index].name
        case [kind, index, part, method] if kind == SERVICE_DEFINITIONS and part == METHODS:
            return f"{file.service[index].name}.{file.service[index].method[method].name}"
    return ""


if __name__ == "__main__":
    main()
