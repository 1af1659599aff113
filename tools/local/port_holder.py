"""Finds out which program holds a port, so that a person knows what to stop."""

import shutil
import subprocess
from pathlib import Path

LISTENING = "0A"
SOCKET_COLUMNS = 10


def holder_of(port: int) -> str:
    """Name the process that listens on a port: `nginx (process 812)`."""
    pid = _by_proc(port) if Path("/proc/net/tcp").exists() else _by_lsof(port)
    if pid is None:
        return "another user's process"
    return f"{_name_of(pid)} (process {pid})"


def _by_proc(port: int) -> int | None:
    sockets = _listening_sockets(port)
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = str(entry.readlink())
        except OSError:  # not ours to look at, or gone
            continue
        if target in sockets:
            return int(entry.parts[2])
    return None


def _listening_sockets(port: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            is_it = len(columns) >= SOCKET_COLUMNS and columns[3] == LISTENING
            if is_it and int(columns[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{columns[9]}]")
    return found


def _by_lsof(port: int) -> int | None:
    lsof = shutil.which("lsof")
    if lsof is None:
        return None
    asked = [lsof, "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-t"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
    return int(told[0]) if told else None


def _name_of(pid: int) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        asked = ["ps", "-o", "command=", "-p", str(pid)]
        told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
        return told[:80] or "a process"
    words = [Path(word.decode(errors="replace")).name for word in command if word]
    return " ".join(words)[:80] or "a process"
