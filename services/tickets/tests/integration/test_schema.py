"""The migrations make exactly the tables that the adapters use."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import create_async_engine

from otklik_runtime import migrations
from otklik_tickets.adapters.tables import METADATA

RUNTIME = {
    "alembic_version",
    "dead_letters",
    "events",
    "heads",
    "inbox",
    "request_replays",
    "seen_versions",
}


async def test_the_migrations_and_the_tables_agree(database_url):
    await migrations.upgrade(database_url, "otklik_tickets")
    engine = create_async_engine(database_url.replace("postgresql:", "postgresql+asyncpg:"))

    def differences(connection):
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _: kind != "table" or name not in RUNTIME,
            },
        )
        return compare_metadata(context, METADATA)

    async with engine.connect() as connection:
        found = await connection.run_sync(differences)
    await engine.dispose()

    assert found == []
