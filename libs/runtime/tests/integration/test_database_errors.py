"""What an error of the database says, and what it must not."""

from contextlib import AsyncExitStack

import pytest
import sqlalchemy.exc

from otklik_runtime.database import Database


async def test_a_driver_error_quotes_no_parameter(database_url):
    async with AsyncExitStack() as stack:
        database = await Database.open(database_url, stack, service="tests")

        with pytest.raises(sqlalchemy.exc.DBAPIError) as caught:
            async with database.transaction() as tx:
                await tx.connection.exec_driver_sql("select $1::text, 1 / 0", ("my secret letter",))

    assert "my secret letter" not in str(caught.value)
