"""Statements in PostgreSQL's own words, where they say more than the expression language would.

Values go as parameters, always; what is formatted into a statement are names of our own tables.
"""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncConnection

Row = Sequence[Any]


async def fetch(connection: AsyncConnection, statement: str, *values: object) -> Sequence[Row]:
    """All rows of a query."""
    found = await connection.exec_driver_sql(statement, values)
    return cast("Sequence[Row]", found.all())


async def fetch_one(connection: AsyncConnection, statement: str, *values: object) -> Row | None:
    """The one row of a query, if there is one."""
    found = await connection.exec_driver_sql(statement, values)
    return cast("Row | None", found.one_or_none())


async def execute(connection: AsyncConnection, statement: str, *values: object) -> None:
    """Do it."""
    await connection.exec_driver_sql(statement, values)
