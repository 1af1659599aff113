"""Hold the contracts to their rules: generated code up to date, `buf lint`, `buf breaking`.

    python tools/check_proto.py                  compare with what the branch `main` says
    python tools/check_proto.py --against v1.2   compare with another commit

A change that breaks readers of an earlier version belongs into a new package version beside it.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUF = Path(sys.executable).parent / "buf"
# The generator beside the contracts it reads: each commit is compiled with its own.
GENERATOR = Path("tools/gen_proto.py")


def main() -> None:
    """Run the three checks in the order in which a person repairs them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", default="main", help="the commit that readers may still run")
    against: str = parser.parse_args().against
    if _generator(ROOT, "--check") != 0:
        sys.exit(1)
    with tempfile.TemporaryDirectory() as folder:
        now, then = Path(folder) / "now.binpb", Path(folder) / "then.binpb"
        if _generator(ROOT, "--image", str(now)) != 0 or lint(now) != 0:
            sys.exit(1)
        if not image_at(against, Path(folder) / "tree", then):
            print(f"proto: nothing to compare with at {against}, so `buf breaking` did not run")
            return
        if breaking(now, then) != 0:
            sys.exit(
                f"proto: readers that know {against} cannot read this; add a new version instead"
            )


def lint(image: Path) -> int:
    """Check names, comments and layout."""
    return subprocess.call([BUF, "lint", image, "--config", ROOT / "buf.yaml"])


def breaking(now: Path, then: Path) -> int:
    """Check that whoever can read the one image can read the other."""
    return subprocess.call(
        [BUF, "breaking", now, "--against", then, "--config", ROOT / "buf.yaml"],
    )


def image_at(commit: str, folder: Path, image: Path) -> bool:
    """Compile the contracts of a commit; false if it has none or is not known here."""
    packed = subprocess.run(
        ["git", "archive", commit, "--", "proto", str(GENERATOR)],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if packed.returncode != 0:
        return False
    folder.mkdir()
    subprocess.run(["tar", "-x"], cwd=folder, input=packed.stdout, check=True)
    return _generator(folder, "--image", str(image)) == 0


def _generator(tree: Path, *arguments: str) -> int:
    return subprocess.call([sys.executable, tree / GENERATOR, *arguments])


if __name__ == "__main__":
    main()
