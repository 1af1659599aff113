"""One database and one role for each service, with rights on nothing else."""

import asyncpg

from otklik_runtime.testing.postgres import PostgresServer
from tools.local.environment import DATABASE_OWNERS, database_of
from tools.local.secrets import Secrets

# The superuser is reached from this machine only, by us; services prove their passwords.
ACCESS = """\
host all postgres 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
"""


async def make_databases(server: PostgresServer, secrets: Secrets) -> None:
    """Make what is missing; safe to repeat on every start."""
    _require_passwords(server)
    connection = await asyncpg.connect(server.url(), timeout=10)
    try:
        await connection.execute("select pg_reload_conf()")
        roles = {row["rolname"] for row in await connection.fetch("select rolname from pg_roles")}
        known = {
            row["datname"] for row in await connection.fetch("select datname from pg_database")
        }
        for owner in DATABASE_OWNERS:
            name = database_of(owner)
            password = secrets.database_password(name)
            verb = "alter" if name in roles else "create"
            # The name is ours and the password is hexadecimal: nothing needs quoting.
            await connection.execute(f"{verb} role {name} login password '{password}'")
            if name not in known:
                await connection.execute(f"create database {name} owner {name}")
            await connection.execute(f"revoke all on database {name} from public")
        await connection.execute("revoke connect on database postgres, template1 from public")
    finally:
        await connection.close()


def _require_passwords(server: PostgresServer) -> None:
    path = server.data / "pg_hba.conf"
    if path.read_text() != ACCESS:
        path.write_text(ACCESS)
