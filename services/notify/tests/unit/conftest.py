"""In-memory ports: the rules and verbs of notify without input or output."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from otklik_notify.domain.acknowledgement import Acknowledgement, Half, Outcome
from otklik_notify.domain.delivery import Delivery, State
from otklik_notify.domain.events import Event
from otklik_notify.domain.mail import Account, Mail, Thread
from otklik_notify.ports import Desk, Rendered


class Acknowledgements:
    def __init__(self) -> None:
        self.rows: dict[str, Acknowledgement] = {}

    async def join(self, halves: Sequence[Half]) -> list[Acknowledgement]:
        found = []
        for half in halves:
            row = self.rows.get(half.ticket_id) or Acknowledgement(
                ticket_id=half.ticket_id, conversation_id=half.conversation_id
            )
            self.rows[half.ticket_id] = row.joined(half)
            found.append(self.rows[half.ticket_id])
        return found

    async def due(self, now: datetime, limit: int) -> list[Acknowledgement]:
        return [
            row
            for row in self.rows.values()
            if row.outcome is Outcome.WAITING and row.due_at is not None and row.due_at <= now
        ][:limit]

    async def settle(self, acknowledgements: Sequence[Acknowledgement]) -> None:
        for row in acknowledgements:
            self.rows[row.ticket_id] = replace(row, opened=None, deadlines=None, due_at=None)


class Accounts:
    def __init__(self) -> None:
        self.rows: dict[str, Account] = {}

    async def known(self, names: Collection[str]) -> dict[str, Account]:
        mail = sorted(name for name, row in self.rows.items() if row.channel == "email")
        asked = {name: name or next(iter(mail), "") for name in names}
        return {
            name: self.rows[self.rows[known].reply_account or known]
            for name, known in asked.items()
            if known in self.rows
        }

    async def save(self, accounts: Sequence[Account]) -> None:
        self.rows.update({account.name: account for account in accounts})


class Threads:
    def __init__(self) -> None:
        self.rows: dict[str, Thread] = {}

    async def lock(self, conversation_ids: Collection[str]) -> dict[str, Thread]:
        return {
            each: deepcopy(self.rows.get(each)) or Thread(conversation_id=each)
            for each in conversation_ids
        }

    async def save(self, threads: Sequence[Thread]) -> None:
        self.rows.update({thread.conversation_id: deepcopy(thread) for thread in threads})


class Deliveries:
    def __init__(self) -> None:
        self.rows: dict[str, tuple[Delivery, Mail]] = {}

    async def add(self, queued: Sequence[tuple[Delivery, Mail]]) -> set[str]:
        new = set()
        for delivery, mail in queued:
            if delivery.id not in self.rows:
                self.rows[delivery.id] = (deepcopy(delivery), mail)
                new.add(delivery.id)
        return new

    async def automatic_since(self, addresses: Collection[str], since: datetime) -> dict[str, int]:
        return dict(
            Counter(
                mail.recipient
                for delivery, mail in self.rows.values()
                if mail.automatic and mail.recipient in addresses and delivery.created_at > since
                if delivery.state is not State.FAILED
            )
        )

    async def take(self, now: datetime, limit: int) -> list[tuple[Delivery, Mail]]:
        due = [
            (deepcopy(delivery), mail)
            for delivery, mail in self.rows.values()
            if not delivery.is_settled and delivery.due_at <= now
        ]
        return due[:limit]

    async def lock(self, delivery_ids: Collection[str]) -> dict[str, Delivery]:
        return {each: deepcopy(self.rows[each][0]) for each in delivery_ids if each in self.rows}

    async def save(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self.rows[delivery.id] = (deepcopy(delivery), self.rows[delivery.id][1])


class Unit:
    def __init__(self, now: datetime) -> None:
        self.now = now
        self.acknowledgements = Acknowledgements()
        self.accounts = Accounts()
        self.threads = Threads()
        self.deliveries = Deliveries()
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @property
    def queued(self) -> list[tuple[Delivery, Mail]]:
        return list(self.deliveries.rows.values())


class Texts:
    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Mapping[str, object]]] = []

    def render(self, key: str, locale: str, facts: Mapping[str, object]) -> Rendered:
        self.asked.append((key, locale, facts))
        return Rendered(subject=f"{key} {facts['subject']}", text=key, html=f"<p>{key}</p>")


class Links:
    def thread_token(self, conversation_id: str) -> str:
        return f"t{conversation_id[:8]}"

    def bounce_token(self, delivery_id: str) -> str:
        return f"b{delivery_id[:8]}"

    def conversation_page(self, conversation_id: str, now: datetime) -> str:
        return f"https://desk.example.com/c/{conversation_id}"

    def rating_page(self, survey_id: str, expires_at: datetime) -> str:
        return f"https://feedback.example.com/r/{survey_id}"


@pytest.fixture
def texts() -> Texts:
    return Texts()


@pytest.fixture
def desk(texts: Texts) -> Desk:
    return Desk(texts=texts, links=Links(), patience=timedelta(seconds=30), automatic_limit=3)


@pytest.fixture
def unit(now: datetime, an_account) -> Unit:
    unit = Unit(now)
    account = an_account()
    unit.accounts.rows[account.name] = account
    return unit
