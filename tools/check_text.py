"""Refuse text that should not be committed: untidy lines, broken TOML or YAML, keys, huge files.

python tools/check_text.py FILE...
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import yaml

LARGEST = 500_000
PRIVATE = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
UNTIDY = re.compile(r"[ \t]+$", re.MULTILINE)


def main() -> None:
    """Print what is wrong with the named files; exit code 1 if anything is."""
    wrong = [f"{name}: {why}" for name in sys.argv[1:] for why in complaints(Path(name))]
    print("\n".join(wrong))
    sys.exit(bool(wrong))


def complaints(path: Path) -> Iterator[str]:
    """Say everything that is wrong with one file."""
    raw = path.read_bytes()
    if len(raw) > LARGEST:
        yield f"{len(raw)} bytes are too many for a source file"
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        yield "not UTF-8"
        return
    if "\r" in text:
        yield "carriage returns"
    if text and not text.endswith("\n"):
        yield "no newline at the end"
    # Two spaces end a line in Markdown.
    if path.suffix != ".md" and (found := UNTIDY.search(text)):
        yield f"white space at the end of line {text.count(chr(10), 0, found.start()) + 1}"
    if PRIVATE.search(text):
        yield "a private key"
    yield from _syntax(path, text)


def _syntax(path: Path, text: str) -> Iterator[str]:
    try:
        if path.suffix == ".toml":
            tomllib.loads(text)
        elif path.suffix in {".yaml", ".yml"} and "templates" not in path.parts:
            list(yaml.safe_load_all(text))
    except (tomllib.TOMLDecodeError, yaml.YAMLError) as reason:
        yield f"not valid: {' '.join(str(reason).split())}"


if __name__ == "__main__":
    main()
