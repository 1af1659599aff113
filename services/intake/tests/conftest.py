"""Builders for intake's tests: a migrated database, a reception and a reader on it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
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


@pytest.fixture
async def make_intake(stack: AsyncExitStack, ring: KeyRing) -> Callable[[str], Awaitable[Intake]]:
    async def make(url: str) -> Intake:
        await migrations.upgrade(url, "otklik_intake")
        database = await Database.open(url, stack, service="intake")
        open_unit = unit_opener(database)
        async with open_unit() as unit:
            for account in (SUPPORT, FORM, PARTNERS):
                await create_channel_account(unit, account)
        isolated = IsolatedParser(limit_seconds=5)
        stack.push_async_callback(isolated.close)
        parsing = Parsing(isolated)

        tokens = ThreadTokens(ring)
        reader = Reader(open_unit, parsing, conversation_of=tokens.conversation_of)
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
async def intake(database_url: str, make_intake: Callable[[str], Awaitable[Intake]]) -> Intake:
    return await make_intake(database_url)
