"""Migrations: one Alembic environment for every service, and the tables the runtime itself needs.

A service keeps numbered files `migrations/0001_<what>.py`, each with `revision = "0001"` and an
`upgrade()`; the number is the order. They only go forward: expand, deploy, contract. Version N of a
service runs beside version N-1 on the same database, so a newer database is never refused.

Alembic is imported by `migrate` alone; a serving process only compares numbers.
"""

import asyncio
import importlib.util
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from otklik_runtime.errors import CannotStart, Unavailable

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext, RevisionStep
    from sqlalchemy import Connection

_LOG = logging.getLogger(__name__)
_NUMBERED = re.compile(r"^(\d{4})_\w+\.py$")
# Two jobs of one release may start together; the second waits here and then finds nothing to do.
_LOCK = 0x07_71_1D
# A migration that waits longer for a table blocks everybody behind it: better to fail and repeat.
_LOCK_TIMEOUT = "10s"

_RUNTIME_TABLES = (
    """
    create table events (
        position bigint generated always as identity,
        id uuid not null,
        type text not null,
        aggregate_id uuid not null,
        version bigint not null,
        subject text not null,
        payload bytea not null,
        occurred_at timestamptz not null,
        recorded_at timestamptz not null,
        actor text not null,
        cause_id uuid,
        traceparent text,
        personal_digest bytea,
        personal_salt bytea,
        audit_hash bytea,
        stream_created timestamptz,
        stream_sequence bigint,
        constraint pk_events primary key (position),
        constraint uq_events_id unique (id),
        constraint uq_events_aggregate_id_version unique (aggregate_id, version)
    )
    """,
    "create index ix_events_unpublished on events (position) where stream_sequence is null",
    """
    create index ix_events_stream_created_stream_sequence on events
     (stream_created, stream_sequence) where stream_sequence > 0
    """,
    """
    create table heads (
        aggregate_id uuid not null,
        version bigint not null,
        traceparent text,
        traced_at timestamptz,
        constraint pk_heads primary key (aggregate_id)
    )
    """,
    """
    create table inbox (
        event_id uuid not null,
        handled_at timestamptz not null,
        constraint pk_inbox primary key (event_id)
    )
    """,
    "create index ix_inbox_handled_at on inbox (handled_at)",
    """
    create table seen_versions (
        owner text not null,
        aggregate_id uuid not null,
        version bigint not null,
        stale boolean not null default false,
        constraint pk_seen_versions primary key (owner, aggregate_id)
    )
    """,
    """
    create table dead_letters (
        id uuid not null,
        state text not null,
        stream text not null,
        sequence bigint not null,
        subject text not null,
        event_id uuid,
        type text not null,
        aggregate_id text not null,
        version bigint,
        headers jsonb not null,
        payload bytea not null,
        reason text not null,
        error text not null,
        delivery_count integer not null,
        traceparent text,
        created_at timestamptz not null,
        settled_at timestamptz,
        discard_reason text,
        constraint pk_dead_letters primary key (id),
        constraint uq_dead_letters_stream_sequence_event_id
            unique nulls not distinct (stream, sequence, event_id)
    )
    """,
    """
    create table request_replays (
        method text not null,
        caller text not null,
        request_id uuid not null,
        digest bytea not null,
        response bytea,
        created_at timestamptz not null,
        constraint pk_request_replays primary key (method, caller, request_id)
    )
    """,
    "create index ix_request_replays_created_at on request_replays (created_at)",
)


class Executes(Protocol):
    """What a migration needs of `alembic.op` here."""

    def execute(self, sqltext: str) -> None:
        """Run one statement."""


class MigrationsMissing(CannotStart):
    """There are no migrations where they should be, or one is not as it should be."""


def runtime_tables(op: Any) -> None:
    """Create the tables of the outbox, the inbox, dead letters and request replays.

    Called by the first migration of every service that owns a database. It never changes: what the
    runtime needs later comes as a further function that a later migration calls.
    """
    operations: Executes = op
    for statement in _RUNTIME_TABLES:
        operations.execute(statement)


async def upgrade(direct_url: str, package: str | Path) -> list[str]:
    """Bring a database to the newest revision and name the revisions that were applied.

    Args:
        direct_url: The database, without a pooler in between.
        package: The service's package, its `migrations` package, or that folder.

    Raises:
        Unavailable: the database does not answer.
        MigrationsMissing: the folder holds nothing that could be applied.
    """
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - a serving process never comes here
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415

    modules = _load(folder_of(package))
    engine = create_async_engine(
        make_url(direct_url).set(drivername="postgresql+asyncpg"),
        connect_args={"timeout": 10, "server_settings": {"application_name": "otklik-migrate"}},
    )
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_apply, modules)
    except (OSError, TimeoutError) as error:
        raise _unreachable() from error
    finally:
        await engine.dispose()


async def missing(direct_url: str, package: str | Path) -> list[str]:
    """Name the revisions that this code needs and the database does not have yet.

    Raises:
        Unavailable: the database does not answer.
    """
    import asyncpg  # noqa: PLC0415 - services without a database never load it

    wanted = [number for number, _ in _files(folder_of(package))]
    try:
        connection = await asyncpg.connect(_plain(direct_url), timeout=10, statement_cache_size=0)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise _unreachable() from error
    try:
        current = await connection.fetchval("select max(version_num) from alembic_version")
    except asyncpg.UndefinedTableError:
        current = None
    finally:
        await connection.close()
    return [number for number in wanted if number > (current or "")]


def folder_of(package: str | Path) -> Path:
    """Find the folder of the migrations.

    Raises:
        MigrationsMissing: there is no such folder.
    """
    if isinstance(package, Path):
        folder = package
    else:
        found = importlib.util.find_spec(package)
        if found is None or not found.submodule_search_locations:
            raise MigrationsMissing(f"there is no package {package}")
        folder = Path(next(iter(found.submodule_search_locations)))
    if folder.name != "migrations":
        folder /= "migrations"
    if not folder.is_dir():
        raise MigrationsMissing(f"there is no folder {folder}")
    return folder


def _plain(url: str) -> str:
    """Write the address as the driver itself reads it."""
    return re.sub(r"^postgresql\+\w+://", "postgresql://", url)


def _unreachable() -> Unavailable:
    return Unavailable(
        "database_unavailable",
        "the database does not answer: check that it runs and that OTKLIK_DATABASE_DIRECT_URL "
        "names it and a role that may log in",
    )


def _files(folder: Path) -> list[tuple[str, Path]]:
    found = [
        (match[1], path)
        for path in sorted(folder.iterdir())
        if (match := _NUMBERED.match(path.name))
    ]
    expected = [f"{number:04d}" for number in range(1, len(found) + 1)]
    if not found or [number for number, _ in found] != expected:
        raise MigrationsMissing(f"the files in {folder} must be numbered 0001_, 0002_, ...")
    return found


def _load(folder: Path) -> list[tuple[ModuleType, Path]]:
    """Load the files in order and chain them: each comes down from the one before."""
    modules = []
    previous = None
    for number, path in _files(folder):
        spec = importlib.util.spec_from_file_location(f"migration_{path.stem}", path)
        if spec is None or spec.loader is None:
            raise MigrationsMissing(f"{path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if getattr(module, "revision", None) != number:
            raise MigrationsMissing(f'{path} must say `revision = "{number}"`')
        vars(module)["down_revision"] = previous
        modules.append((module, path))
        previous = number
    return modules


def _apply(connection: "Connection", modules: list[tuple[ModuleType, Path]]) -> list[str]:
    """Apply what is missing, each revision in its own transaction, one process at a time."""
    from alembic.operations import Operations  # noqa: PLC0415 - see the module's docstring
    from alembic.runtime.migration import MigrationContext, RevisionStep  # noqa: PLC0415
    from alembic.script.base import Script  # noqa: PLC0415
    from alembic.script.revision import RevisionMap  # noqa: PLC0415

    scripts = [Script(module, module.revision, str(path)) for module, path in modules]
    revisions = RevisionMap(lambda: scripts)
    revisions.get_revisions("heads")  # resolves how they hang together, which a step asks for
    applied: list[str] = []

    def steps(heads: tuple[str, ...], _: "MigrationContext") -> "Iterator[RevisionStep]":
        current = max(heads, default="")
        for script in scripts:
            if script.revision > current:
                applied.append(script.revision)
                yield RevisionStep(revisions, script, is_upgrade=True)

    connection.exec_driver_sql(f"select pg_advisory_lock({_LOCK})")
    connection.exec_driver_sql(f"set lock_timeout = '{_LOCK_TIMEOUT}'")
    connection.commit()
    context = MigrationContext.configure(
        connection,
        opts={"fn": steps, "transaction_per_migration": True},
    )
    with Operations.context(context):
        context.run_migrations()
    connection.commit()
    connection.exec_driver_sql(f"select pg_advisory_unlock({_LOCK})")
    for revision in applied:
        _LOG.info("migrated", extra={"revision": revision})
    return applied


def run(direct_url: str, package: str | Path) -> list[str]:
    """Do what `upgrade` does, where no event loop runs."""
    return asyncio.run(upgrade(direct_url, package))
