"""Builders for intake's tests: a migrated database, a reception and a reader on it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

import pytest

from otklik_intake.adapters.account_directory import RememberedAccounts
from otklik_intake.adapters.isolated_parser import IsolatedParser
from otklik_intake.adapters.parsing import Parsing
from otklik_intake.adapters.thread_tokens import ThreadTokens
from otklik_intake.adapters.unit_of_work import unit_opener
from otklik_intake.adapters.views import PostgresViews
from otklik_intake.domain.accounts import Channel, ChannelAccount
from otklik_intake.entrypoints.reader import Reader
from otklik_intake.entrypoints.reception import Reception
from otklik_intake.handlers.create_channel_account import create_channel_account
from otklik_intake.handlers.receive import receive
from otklik_runtime import migrations
from otklik_runtime.database import Database
from otklik_runtime.envelope import message_class
from otklik_runtime.key_ring import KeyRing
from otklik_runtime.testing.postgres import PostgresServer

NUMBERS = count(1)

SUPPORT = ChannelAccount(
    name="channelAccounts/support-mail",
    channel=Channel.EMAIL,
    address="support@desk.example",
    display_name={"ru": "Поддержка", "en": "Support"},
    default_service="services/general",
    default_locale="ru",
)
FORM = ChannelAccount(
    name="channelAccounts/web-form",
    channel=Channel.WEB_FORM,
    display_name={"ru": "Форма", "en": "Form"},
    default_service="services/general",
    reply_account=SUPPORT.name,
    default_locale="ru",
)
PARTNERS = ChannelAccount(
    name="channelAccounts/partner-api",
    channel=Channel.PARTNER_API,
    display_name={"ru": "Партнёры", "en": "Partners"},
    default_service="services/terminals",
    reply_account=SUPPORT.name,
    default_locale="en",
)


@dataclass
class Said:
    """One recorded event, as the relay would publish it."""

    type: str
    message: Any
    aggregate_id: str
    occurred_at: datetime
    traceparent: str


@dataclass
class Intake:
    """Intake's parts on one database."""

    database: Database
    url: str
    reader: Reader
    reception: Reception
    accounts: RememberedAccounts
    views: PostgresViews
    ring: KeyRing
    stored: list[None] = field(default_factory=list)

    async def read(self) -> None:
        """Read everything that waits, in both lanes."""
        while await self.reader._pass(heavy=False):
            pass
        while await self.reader._pass(heavy=True):
            pass

    async def said(self, type_name: str = "") -> list[Said]:
        """Give what was said, in order; all but the accounts unless a type is named."""
        async with self.database.read() as connection:
            rows = await connection.exec_driver_sql(
                "select type, payload, aggregate_id::text, occurred_at, coalesce(traceparent, '') "
                "from events order by position"
            )
            found = [
                Said(row[0].rpartition(".")[2], message_class(row[0]).FromString(row[1]), *row[2:])
                for row in rows
            ]
        wanted = (
            {type_name}
            if type_name
            else {"MessageReceived", "MessageQuarantined", "MessageRefused"}
        )
        return [one for one in found if one.type in wanted]

    async def scalar(self, query: str) -> Any:
        async with self.database.read() as connection:
            return (await connection.exec_driver_sql(query)).scalar()


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing({"a": b"k" * 32})


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


async def prepared(url: str) -> None:
    """Migrate a database and add the accounts."""
    await migrations.upgrade(url, "otklik_intake")
    async with AsyncExitStack() as stack:
        database = await Database.open(url, stack, service="intake")
        async with unit_opener(database)() as unit:
            for account in (SUPPORT, FORM, PARTNERS):
                await create_channel_account(unit, account)


@pytest.fixture(scope="session")
def template(postgres_server: PostgresServer) -> str:
    """Prepare one database, to be copied for every test."""

    async def prepare() -> None:
        await prepared(await postgres_server.create_database("intake_template"))

    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, prepare()).result()
    return "intake_template"


@pytest.fixture
async def make_intake(stack: AsyncExitStack, ring: KeyRing) -> Callable[..., Awaitable[Intake]]:
    async def make(url: str, *, fresh: bool = True) -> Intake:
        if fresh:
            await prepared(url)
        database = await Database.open(url, stack, service="intake")
        open_unit = unit_opener(database)
        isolated = IsolatedParser(limit_seconds=5)
        stack.push_async_callback(isolated.close)
        tokens = ThreadTokens(ring)
        reader = Reader(open_unit, Parsing(isolated), conversation_of=tokens.conversation_of)
        assert await reader._begun()
        return Intake(
            database=database,
            url=url,
            reader=reader,
            reception=Reception(open_unit, receive, stored=reader.wake),
            accounts=RememberedAccounts(database),
            views=PostgresViews(database),
            ring=ring,
        )

    return make


@pytest.fixture
async def intake(
    postgres_server: PostgresServer,
    template: str,
    make_intake: Callable[..., Awaitable[Intake]],
) -> AsyncIterator[Intake]:
    name = f"intake_{next(NUMBERS)}"
    url = await postgres_server.create_database(name, template=template)
    yield await make_intake(url, fresh=False)
    await postgres_server.drop_database(name)
