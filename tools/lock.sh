#!/usr/bin/env bash
# Resolve requirements/*.in into hashed files without addresses; `make lock`. dev first: the others take its versions.
set -euo pipefail
cd "$(dirname "$0")/../requirements"
uv=../.venv/bin/uv
common=(--quiet --generate-hashes --universal --no-header --python-version 3.11)
"$uv" pip compile "${common[@]}" "$@" dev.in -o dev.txt
for name in run demo; do "$uv" pip compile "${common[@]}" "$@" -c dev.txt "$name.in" -o "$name.txt"; done
