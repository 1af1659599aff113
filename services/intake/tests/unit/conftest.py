from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from otklik_intake.domain.accounts import Accounts, Channel, ChannelAccount
from otklik_intake.domain.addresses import Mailbox
from otklik_intake.domain.finding import Finding, Scene
from otklik_intake.domain.items import StoredItem
from otklik_intake.domain.letter import Letter

TOKEN = "a" + "b2" * 20
CONVERSATION = "01900000-0000-7000-8000-000000000001"

SUPPORT = ChannelAccount(
    name="channelAccounts/support",
    channel=Channel.EMAIL,
    address="support@desk.example",
    display_name={"ru": "Поддержка", "en": "Support"},
    default_service="services/general",
    default_locale="ru",
)


@pytest.fixture
def accounts() -> Accounts:
    return Accounts([SUPPORT])


@pytest.fixture
def a_letter() -> Callable[..., Letter]:
    def build(headers: dict[str, str] | None = None, **fields) -> Letter:
        given = {"senders": (Mailbox(name="Ivan", address="ivan@customer.example"),), **fields}
        raw = {name: (value.encode(),) for name, value in (headers or {}).items()}
        return Letter(headers=raw, **given)

    return build


@pytest.fixture
def an_item() -> Callable[..., StoredItem]:
    def build(**fields) -> StoredItem:
        given = {
            "item_id": "01900000-0000-7000-8000-0000000000aa",
            "channel": Channel.EMAIL,
            "account": SUPPORT.name,
            "external_id": "1@customer.example",
            "partner_id": "",
            "conversation_id": "01900000-0000-7000-8000-0000000000bb",
            "received_at": datetime(2026, 3, 2, 9, tzinfo=UTC),
            "media_type": "message/rfc822",
            "original": b"",
            "envelope_sender": "ivan@customer.example",
            "recipients": ("support@desk.example",),
            "traceparent": "",
            "heavy": False,
            **fields,
        }
        return StoredItem(**given)

    return build


@pytest.fixture
def a_scene(accounts: Accounts, an_item: Callable[..., StoredItem]) -> Callable[..., Scene]:
    def build(**fields) -> Scene:
        return Scene(
            item=an_item(**fields),
            account=SUPPORT,
            accounts=accounts,
            conversation_of=lambda token: CONVERSATION if token == TOKEN else None,
        )

    return build


@pytest.fixture
def nothing_yet() -> Finding:
    return Finding()
