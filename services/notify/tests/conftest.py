"""Builders: a ticket, an answer, a survey, an account, as notify hears of them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from otklik_notify.domain.commands import AcknowledgeTicket, Deadline, NameDeadlines
from otklik_notify.domain.mail import Account
from otklik_notify.domain.notices import ANSWER, SURVEY, Notice, Route
from otklik_runtime.ids import stable_id

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def id_of(name: str) -> str:
    return stable_id("test", name)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def a_route() -> Callable[..., Route]:
    def build(**changes: Any) -> Route:
        facts = {
            "channel": "email",
            "account": "channelAccounts/support",
            "address": "ivan@example.org",
        }
        return Route(**{**facts, **changes})

    return build


@pytest.fixture
def a_ticket(a_route) -> Callable[..., AcknowledgeTicket]:
    def build(name: str = "ticket", **changes: Any) -> AcknowledgeTicket:
        facts = {
            "ticket_id": id_of(name),
            "conversation_id": id_of(f"conversation of {name}"),
            "number": "OT-000123",
            "service": "Кассы",
            "locale": "ru",
            "route": a_route(),
            "subject": "Не работает касса",
            "internet_message_id": "<first@example.org>",
            "automatic": False,
        }
        return AcknowledgeTicket(**{**facts, **changes})

    return build


@pytest.fixture
def armed_clocks() -> Callable[..., NameDeadlines]:
    def build(name: str = "ticket", **changes: Any) -> NameDeadlines:
        facts = {
            "ticket_id": id_of(name),
            "conversation_id": id_of(f"conversation of {name}"),
            "deadlines": (
                Deadline(
                    kind="first_response",
                    due_at=datetime(2026, 11, 24, 8, 40, tzinfo=UTC),
                    time_zone="Europe/Moscow",
                ),
                Deadline(
                    kind="resolution",
                    due_at=datetime(2026, 11, 25, 13, 0, tzinfo=UTC),
                    time_zone="Europe/Moscow",
                ),
            ),
        }
        return NameDeadlines(**{**facts, **changes})

    return build


@pytest.fixture
def an_answer(a_route) -> Callable[..., Notice]:
    def build(name: str = "answer", **changes: Any) -> Notice:
        facts = {
            "template": ANSWER,
            "about_id": id_of(name),
            "conversation_id": id_of("conversation of ticket"),
            "number": "OT-000123",
            "locale": "ru",
            "route": a_route(),
            "subject": "Не работает касса",
            "in_reply_to": "<first@example.org>",
            "message_id": id_of(name),
            "facts": {"text": "Перезагрузите кассу.", "author": "Анна"},
        }
        return Notice(**{**facts, **changes})

    return build


@pytest.fixture
def a_survey(a_route) -> Callable[..., Notice]:
    def build(**changes: Any) -> Notice:
        facts = {
            "template": SURVEY,
            "about_id": id_of("survey"),
            "conversation_id": id_of("conversation of ticket"),
            "number": "OT-000123",
            "locale": "ru",
            "route": a_route(),
            "subject": "Не работает касса",
            "facts": {"expires_at": datetime(2026, 12, 24, 20, 0, tzinfo=UTC)},
        }
        return Notice(**{**facts, **changes})

    return build


@pytest.fixture
def an_account() -> Callable[..., Account]:
    def build(**changes: Any) -> Account:
        facts = {
            "name": "channelAccounts/support",
            "channel": "email",
            "address": "support@example.com",
            "display_names": {"ru": "Служба поддержки", "en": "Support"},
        }
        return Account(**{**facts, **changes})

    return build
