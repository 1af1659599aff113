import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from otklik.tickets.v1 import directory_pb2, directory_service_pb2
from otklik_runtime import auth, migrations, replay
from otklik_runtime.auth import Principal
from otklik_runtime.database import Database
from otklik_runtime.errors import Conflict, InvalidInput
from otklik_runtime.ids import new_id

FIRST = """
from alembic import op
from otklik_runtime.migrations import runtime_tables

revision = "0001"


def upgrade() -> None:
    runtime_tables(op)
    op.execute("create table changes (name text)")
"""
ANNA = Principal("agent", new_id(), frozenset({"agent"}))
BORIS = Principal("agent", new_id(), frozenset({"agent"}))


def a_request(request_id: str, name: str = "vip") -> directory_service_pb2.CreateSegmentRequest:
    request = directory_service_pb2.CreateSegmentRequest(request_id=request_id)
    request.segment.name = name
    return request


@pytest.fixture
async def database(database_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_first.py").write_text(FIRST)
    await migrations.upgrade(database_url, folder)
    async with AsyncExitStack() as stack:
        yield await Database.open(database_url, stack, service="sample")


async def change(
    database: Database, request: directory_service_pb2.CreateSegmentRequest
) -> tuple[directory_pb2.Segment, bool]:
    """Do what every mutating method does; tell whether it was done now."""
    async with database.transaction() as tx:
        once = await replay.begin(tx, request)
        if once.earlier is not None:
            return directory_pb2.Segment.FromString(once.earlier), False
        await tx.connection.exec_driver_sql("insert into changes values ($1)", ("x",))
        answer = directory_pb2.Segment(name=f"segments/{new_id()}")
        await once.remember(tx, answer)
        return answer, True


async def count(database: Database) -> int:
    async with database.read() as connection:
        found = await connection.exec_driver_sql("select count(*) from changes")
        return found.scalar_one()


async def test_a_repeated_request_gets_the_earlier_answer_and_changes_nothing(database: Database):
    request = a_request(new_id())

    first, now = await change(database, request)
    second, again = await change(database, request)

    assert (now, again) == (True, False)
    assert first == second
    assert await count(database) == 1


async def test_the_same_request_many_times_at_once_is_done_once(database: Database):
    request = a_request(new_id())

    answers = await asyncio.gather(*(change(database, request) for _ in range(12)))

    assert sum(now for _, now in answers) == 1
    assert len({answer.name for answer, _ in answers}) == 1
    assert await count(database) == 1


async def test_another_content_under_the_same_id_is_a_conflict(database: Database):
    request_id = new_id()
    await change(database, a_request(request_id))

    with pytest.raises(Conflict) as refused:
        await change(database, a_request(request_id, name="other"))

    assert refused.value.code == "request_id_reused"


async def test_callers_and_methods_do_not_share_ids(database: Database):
    request = a_request(new_id())

    for caller in (ANNA, BORIS):
        for method in ("otklik.a.v1.A/Do", "otklik.a.v1.A/Undo"):
            with auth.acting_as(caller), replay.in_method(method):
                assert (await change(database, request))[1]

    assert await count(database) == 4


async def test_what_was_rolled_back_was_never_asked(database: Database):
    request = a_request(new_id())

    async def interrupted() -> None:
        async with database.transaction() as tx:
            await replay.begin(tx, request)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await interrupted()

    assert (await change(database, request))[1]


async def test_a_request_without_id_is_always_new(database: Database):
    for _ in range(2):
        assert (await change(database, a_request("")))[1]


async def test_an_id_that_is_no_uuid_is_refused(database: Database):
    with pytest.raises(InvalidInput) as refused:
        await change(database, a_request("first"))

    assert refused.value.facts["field"] == "request_id"


async def test_an_id_in_upper_case_is_the_same_id(database: Database):
    request_id = new_id()
    await change(database, a_request(request_id))

    with pytest.raises(Conflict):
        await change(database, a_request(request_id.upper(), name="other"))


async def test_answers_are_forgotten_after_a_week(database: Database):
    request = a_request(new_id())
    await change(database, request)

    async with database.transaction() as tx:
        assert await replay.forget(tx.connection, tx.now + timedelta(days=6)) == 0
        assert await replay.forget(tx.connection, tx.now + timedelta(days=8)) == 1

    assert (await change(database, request))[1]
