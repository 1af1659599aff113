"""Builders: a resolved ticket, as feedback hears of it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from otklik_feedback.domain import Invite, Route
from otklik_runtime.ids import stable_id

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def id_of(name: str) -> str:
    return stable_id("test", name)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def a_resolution() -> Callable[..., Invite]:
    def build(name: str = "ticket", **changes: Any) -> Invite:
        facts = {
            "ticket_id": id_of(name),
            "ticket_number": "OT-000123",
            "conversation_id": id_of(f"conversation of {name}"),
            "episode": 1,
            "customer_id": id_of("customer"),
            "agent_id": id_of("agent"),
            "locale": "ru",
            "route": Route(
                channel="email", account="channelAccounts/support", address="ivan@example.org"
            ),
            "subject": "Не работает касса",
            "in_reply_to": "<first@example.org>",
            "automatic": False,
        }
        return Invite(**{**facts, **changes})

    return build
