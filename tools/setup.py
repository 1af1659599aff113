"""Make `.venv` ready: hashed third-party packages, then this repository's own members, editable.

    python3 tools/setup.py          what `make demo` needs
    python3 tools/setup.py --dev    that, and what tests, checks and generation need

It runs before anything is installed, so it uses the standard library alone, and it starts under any
Python 3 in order to say what is wrong with an old one. A stamp in `.venv` makes a second run short.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "otklik-setup.json"
LOG = VENV / "setup.log"
OLDEST = (3, 11)
NEWER = ("python3.13", "python3.12", "python3.11", "python3.14")
MEMBERS = (
    "libs/contracts",
    "libs/runtime",
    "services/intake",
    "services/tickets",
    "services/sla",
    "services/notify",
    "services/feedback",
    "services/desk",
    "ops",
)

NO_NETWORK = (
    "Failed to establish a new connection",
    "Temporary failure in name resolution",
    "Name or service not known",
    "nodename nor servname",
    "NewConnectionError",
    "ConnectTimeoutError",
    "Network is unreachable",
    "(from versions: none)",
)
NO_ROOM = ("No space left on device", "Disk quota exceeded")


class SetupFailed(Exception):
    """The environment could not be made; the message says what to do."""


def main() -> None:
    """Set up what was asked for, or end with a sentence and exit code 1."""
    parser = argparse.ArgumentParser(description="Make .venv ready.")
    parser.add_argument("--dev", action="store_true", help="also tests, checks and generation")
    kind = "dev" if parser.parse_args().dev else "demo"
    _use_a_new_enough_python()
    try:
        if not is_ready(kind):
            prepare(kind)
    except SetupFailed as reason:
        sys.exit(f"setup: {reason}")
    except OSError as reason:
        sys.exit(f"setup: {sentence(str(reason))}")
    except KeyboardInterrupt:
        sys.exit("\nsetup: interrupted; run it again to go on")


def is_ready(kind: str) -> bool:
    """Tell whether `.venv` was made from the very files that are here now."""
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return False
    # Development installs a superset of what the demo needs.
    kinds = ("demo", "dev") if kind == "demo" else ("dev",)
    return python().exists() and any(stamp.get(one) == fingerprint(one) for one in kinds)


def prepare(kind: str) -> None:
    """Create the environment if there is none, and install into it."""
    if not python().exists():
        say(f"creating {VENV.relative_to(ROOT)} with Python {sys.version.split()[0]}")
        _create()
    STAMP.unlink(missing_ok=True)
    requirements = ROOT / "requirements" / f"{kind}.txt"
    wanted = sum(1 for line in requirements.read_text().splitlines() if "==" in line)
    say(f"installing up to {wanted} packages of requirements/{kind}.txt")
    _pip("install", "--require-hashes", "--requirement", str(requirements), wanted=wanted)
    say(f"installing the {len(MEMBERS)} members of this repository, editable")
    editable = [part for member in MEMBERS for part in ("--editable", str(ROOT / member))]
    _pip("install", "--no-build-isolation", "--no-deps", *editable, wanted=len(MEMBERS))
    STAMP.write_text(json.dumps({kind: fingerprint(kind)}))
    say("ready")


def fingerprint(kind: str) -> str:
    """Sum up everything the environment is made from, and where it is."""
    summary = hashlib.sha256(str(ROOT).encode())
    sources = [ROOT / "requirements" / f"{kind}.txt"]
    sources += [ROOT / member / "pyproject.toml" for member in MEMBERS]
    for source in sources:
        summary.update(source.read_bytes())
    return summary.hexdigest()


def sentence(output: str) -> str:
    """Turn what pip or the system said into what a person can do about it."""
    if any(sign in output for sign in NO_ROOM):
        free = shutil.disk_usage(ROOT).free // 2**20
        return (
            f"the disk is full ({free} MB free where {ROOT} is): the environment needs "
            "about 700 MB; free some, or set TMPDIR to a disk with room, and run it again"
        )
    if any(sign in output for sign in NO_NETWORK):
        return (
            "the package index cannot be reached: check the network, or point pip at a mirror "
            "(PIP_INDEX_URL) or a folder of wheels (PIP_FIND_LINKS), and run it again; "
            "what was already downloaded is kept"
        )
    if "DO NOT MATCH THE HASHES" in output:
        return (
            "a package is not the one whose hash is written in requirements/: the mirror or a "
            f"cache changed it, so nothing of it was installed; {LOG} names it"
        )
    last = [line for line in output.splitlines() if line.strip()][-3:]
    return " / ".join(line.strip() for line in last) + f" (all of it: {LOG})"


def python() -> Path:
    """Name the environment's own interpreter."""
    return VENV / "bin" / "python"


def say(text: str) -> None:
    """Print one line of progress at once, also into a pipe."""
    print(f"setup: {text}", flush=True)


def _use_a_new_enough_python() -> None:
    """Go on under a newer Python where this one is too old, or say that there is none."""
    if sys.version_info >= OLDEST:
        return
    for name in NEWER:
        found = shutil.which(name)
        # A name may be a version manager's stand-in for a Python that is not there.
        if found and subprocess.call([found, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            sys.exit(subprocess.call([found, *sys.argv]))
    sys.exit(
        "setup: Python 3.11 or newer is needed, this is {}.{}: install one, or name it with "
        "`make PYTHON=/path/to/python3.11`".format(*sys.version_info[:2])
    )


def _create() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode == 0:
        return
    output = made.stdout + made.stderr
    if "ensurepip" in output:
        raise SetupFailed(
            "this Python cannot make environments: install its `venv` module "
            "(on Debian and Ubuntu: apt install python3-venv) and run it again"
        )
    raise SetupFailed(sentence(output))


def _pip(*arguments: str, wanted: int) -> None:
    """Run pip, counting on one line what it has come to; its whole output goes to the log."""
    command = [str(python()), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    with LOG.open("w") as log:
        running = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        seen = 0
        for line in running.stdout or ():
            log.write(line)
            words = line.split()
            if line.startswith(("Collecting ", "Obtaining ", "Requirement already satisfied: ")):
                seen += 1
                name = words[3] if words[0] == "Requirement" else words[1]
                _show(min(seen, wanted), wanted, Path(name).name)
            elif line.startswith(("Installing collected", "Building editable")):
                _show(wanted, wanted, "unpacking")
    if sys.stdout.isatty():
        print("\r\033[K", end="", flush=True)
    if running.wait() != 0:
        raise SetupFailed(sentence(LOG.read_text()))


def _show(count: int, wanted: int, what: str) -> None:
    """Show how far it is: always on a terminal, now and then in a log."""
    name = what.partition("=")[0].partition(";")[0][:40]
    if sys.stdout.isatty():
        print(f"\r\033[Ksetup:   {count}/{wanted} {name}", end="", flush=True)
    elif count % 20 == 0 or (count == wanted and name == "unpacking"):
        print(f"setup:   {count}/{wanted} {name}", flush=True)


if __name__ == "__main__":
    main()
