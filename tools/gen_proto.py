"""Generate libs/contracts from proto/: Python, stubs, typed gRPC servicers and the flow table.

    python tools/gen_proto.py            write libs/contracts
    python tools/gen_proto.py --check    fail if what is committed differs from what proto/ says
    python tools/gen_proto.py --image F  only write a buf image, for `buf lint` and `buf breaking`

The validation rules (`buf/validate/validate.proto`) come without .proto text in their wheel; their
descriptor is handed to protoc instead.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import shutil
import sys
import tempfile
from pathlib import Path

import yaml
from google.protobuf import (
    descriptor_pb2,
    duration_pb2,
    field_mask_pb2,
    timestamp_pb2,
)
from grpc_tools import protoc
from protovalidate._gen.buf.validate import validate_pb

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
CONTRACTS = ROOT / "libs" / "contracts"
GENERATED = ("otklik", "buf")


def known_descriptors() -> bytes:
    """Return the descriptor set of everything our files import and that has no .proto text."""
    known = descriptor_pb2.FileDescriptorSet()
    for module in (descriptor_pb2, duration_pb2, timestamp_pb2, field_mask_pb2):
        module.DESCRIPTOR.CopyToProto(known.file.add())
    known.file.add().ParseFromString(validate_pb._DESC.proto.to_binary())  # noqa: SLF001 - its only source
    return known.SerializeToString()


def run_protoc(arguments: list[str]) -> None:
    """Run protoc; its own messages name file and line."""
    if protoc.main(["protoc", *arguments]) != 0:
        sys.exit(1)


def plugin(name: str) -> str:
    """Return the protoc option that names a plugin of this environment, whatever PATH says."""
    return f"--plugin=protoc-gen-{name}={Path(sys.executable).parent / f'protoc-gen-{name}'}"


def sources() -> list[str]:
    """Return every contract file, relative to proto/."""
    return sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))


def generate(target: Path) -> None:
    """Write the generated packages `otklik` and `buf` into target."""
    services = [source for source in sources() if source.endswith("_service.proto")]
    with tempfile.NamedTemporaryFile(suffix=".binpb") as image:
        write_image(Path(image.name))
        include = f"--descriptor_set_in={image.name}"
        outputs = [f"--python_out={target}", f"--mypy_out=quiet:{target}", plugin("mypy")]
        run_protoc([include, *outputs, *sources(), "buf/validate/validate.proto"])
        outputs = [
            f"--grpc_python_out={target}",
            f"--mypy_grpc_out=quiet:{target}",
            plugin("mypy_grpc"),
        ]
        run_protoc([include, *outputs, *services])
    for folder in sorted({path.parent for path in target.rglob("*.py")}):
        package = folder
        while package != target:
            (package / "__init__.py").touch()
            package = package.parent
    (target / "otklik" / "py.typed").touch()
    flows = yaml.safe_load((PROTO / "flows.yaml").read_text("utf-8"))
    text = json.dumps(flows, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    (target / "otklik" / "flows.json").write_text(text, "utf-8")


def write_image(path: Path) -> None:
    """Write all contracts and their imports, with comments, as one descriptor set."""
    with tempfile.NamedTemporaryFile(suffix=".binpb") as known:
        known.write(known_descriptors())
        known.flush()
        run_protoc(
            [
                f"--descriptor_set_in={known.name}",
                f"-I{PROTO}",
                "--include_source_info",
                "--include_imports",
                f"-o{path}",
                *sources(),
            ]
        )


def differences(left: Path, right: Path) -> list[str]:
    """Return the files that differ between two generated trees."""
    names = {
        str(path.relative_to(base))
        for base in (left, right)
        for package in GENERATED
        for path in (base / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    return sorted(
        name
        for name in names
        if not (left / name).is_file()
        or not (right / name).is_file()
        or not filecmp.cmp(left / name, right / name, shallow=False)
    )


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--image", type=Path)
    options = parser.parse_args()
    if options.image:
        write_image(options.image)
        return
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        generate(fresh)
        drift = differences(fresh, CONTRACTS)
        if options.check:
            if drift:
                sys.exit(
                    "Generated code differs from proto/; run `make proto`:\n  " + "\n  ".join(drift)
                )
            return
        for package in GENERATED:
            shutil.rmtree(CONTRACTS / package, ignore_errors=True)
            shutil.copytree(fresh / package, CONTRACTS / package)
    sys.stdout.write(f"{len(drift)} files written\n")


if __name__ == "__main__":
    main()
