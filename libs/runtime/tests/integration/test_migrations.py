import asyncio
from pathlib import Path

import asyncpg
import pytest

from otklik_runtime import migrations
from otklik_runtime.errors import Unavailable

FIRST = """
from alembic import op
from otklik_runtime.migrations import runtime_tables

revision = "0001"


def upgrade() -> None:
    runtime_tables(op)
"""
SECOND = """
from alembic import op

revision = "0002"


def upgrade() -> None:
    op.execute("create table things (id uuid)")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "migrations"
    made.mkdir()
    (made / "__init__.py").write_text("")
    (made / "0001_first.py").write_text(FIRST)
    return made


async def test_migrations_are_applied_once_and_in_order(folder: Path, database_url: str):
    assert await migrations.missing(database_url, folder) == ["0001"]
    assert await migrations.upgrade(database_url, folder) == ["0001"]
    assert await migrations.upgrade(database_url, folder) == []

    (folder / "0002_second.py").write_text(SECOND)

    assert await migrations.missing(database_url, folder) == ["0002"]
    assert await migrations.upgrade(database_url, folder) == ["0002"]
    assert await migrations.missing(database_url, folder) == []


async def test_two_jobs_at_once_do_not_apply_a_migration_twice(folder: Path, database_url: str):
    (folder / "0002_second.py").write_text(SECOND)

    applied = await asyncio.gather(*[migrations.upgrade(database_url, folder) for _ in range(3)])

    assert sorted(applied) == [[], [], ["0001", "0002"]]


async def test_a_failing_migration_leaves_nothing_of_itself(folder: Path, database_url: str):
    (folder / "0002_second.py").write_text(SECOND + '    op.execute("select 1/0")\n')

    with pytest.raises(Exception, match="division by zero"):
        await migrations.upgrade(database_url, folder)

    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("select to_regclass('things')") is None
    assert await connection.fetchval("select version_num from alembic_version") == "0001"
    await connection.close()


async def test_a_newer_database_serves_older_code(folder: Path, database_url: str):
    (folder / "0002_second.py").write_text(SECOND)
    await migrations.upgrade(database_url, folder)
    (folder / "0002_second.py").unlink()

    assert await migrations.missing(database_url, folder) == []
    assert await migrations.upgrade(database_url, folder) == []


async def test_the_runtime_tables_are_there(folder: Path, database_url: str):
    await migrations.upgrade(database_url, folder)

    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        "select table_name from information_schema.tables where table_schema = 'public'",
    )
    await connection.close()
    assert {row["table_name"] for row in rows} == {
        "alembic_version",
        "dead_letters",
        "events",
        "heads",
        "inbox",
        "request_replays",
        "seen_versions",
    }


async def test_a_database_that_does_not_answer_is_a_fact(folder: Path):
    url = "postgresql://nobody:secret@127.0.0.1:1/none"

    with pytest.raises(Unavailable, match="OTKLIK_DATABASE_DIRECT_URL") as refused:
        await migrations.missing(url, folder)
    with pytest.raises(Unavailable):
        await migrations.upgrade(url, folder)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("0003_gap.py", 'revision = "0003"', "must be numbered 0001_, 0002_"),
        ("0002_wrong.py", 'revision = "0003"', 'must say `revision = "0002"`'),
    ],
)
async def test_a_misnumbered_migration_is_refused(
    folder: Path, database_url: str, name: str, text: str, complaint: str
):
    (folder / name).write_text(text)

    with pytest.raises(migrations.MigrationsMissing, match=complaint):
        await migrations.upgrade(database_url, folder)
