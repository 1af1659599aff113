"""What the verbs need: a unit of work with its collections, texts, and signed tokens."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from otklik_notify.domain.acknowledgement import Acknowledgement, Half
from otklik_notify.domain.delivery import Delivery, Result, State
from otklik_notify.domain.events import Event
from otklik_notify.domain.mail import Account, Mail, Thread


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A text in one language."""

    subject: str
    text: str
    html: str


class Texts(Protocol):
    """The texts that leave the desk, in every language it speaks."""

    def render(self, key: str, locale: str, facts: Mapping[str, object]) -> Rendered:
        """Write out one text."""
        ...


class Links(Protocol):
    """Signed tokens, and the pages they open."""

    def thread_token(self, conversation_id: str) -> str:
        """Sign a conversation, for mail addresses and Message-IDs."""
        ...

    def bounce_token(self, delivery_id: str) -> str:
        """Sign a delivery, for the address its bounce comes back to."""
        ...

    def conversation_page(self, conversation_id: str, now: datetime) -> str:
        """Give the address of the customer's page of a conversation."""
        ...

    def rating_page(self, survey_id: str, expires_at: datetime) -> str:
        """Give the address of the page where a survey is answered."""
        ...


class Acknowledgements(Protocol):
    """The acknowledgement of every ticket, kept for ever as the proof that there is only one."""

    async def join(self, halves: Sequence[Half]) -> list[Acknowledgement]:
        """Add what events know, lock the acknowledgements and return them as they are then."""
        ...

    async def due(self, now: datetime, limit: int) -> list[Acknowledgement]:
        """Lock those that have waited long enough and that nobody else holds."""
        ...

    async def settle(self, acknowledgements: Sequence[Acknowledgement]) -> None:
        """Write down what became of them."""
        ...


class Accounts(Protocol):
    """The channel accounts that intake has announced."""

    async def known(self, names: Collection[str]) -> dict[str, Account]:
        """Return the accounts that replies to these leave from, by the name asked for.

        The empty name asks for the first mail account: tickets that agents and partners make
        came to none.
        """
        ...

    async def save(self, accounts: Sequence[Account]) -> None:
        """Write accounts as they are now."""
        ...


class Threads(Protocol):
    """The Message-IDs of every conversation."""

    async def lock(self, conversation_ids: Collection[str]) -> dict[str, Thread]:
        """Lock and return the threads, a new one where there is none."""
        ...

    async def save(self, threads: Sequence[Thread]) -> None:
        """Write the threads."""
        ...


class Deliveries(Protocol):
    """Everything that leaves."""

    async def add(self, queued: Sequence[tuple[Delivery, Mail]]) -> set[str]:
        """Add deliveries that are not there yet; return the ids of those that were new."""
        ...

    async def automatic_since(self, addresses: Collection[str], since: datetime) -> dict[str, int]:
        """Count what machines have written to these addresses since then."""
        ...

    async def take(self, now: datetime, limit: int) -> list[tuple[Delivery, Mail]]:
        """Lock deliveries for which something is due and that nobody else holds."""
        ...

    async def lock(self, delivery_ids: Collection[str]) -> dict[str, Delivery]:
        """Lock these deliveries."""
        ...

    async def save(self, deliveries: Sequence[Delivery]) -> None:
        """Write how far they got."""
        ...


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place in the list of deliveries, which is newest first."""

    created_at: datetime
    delivery_id: str


class DeliveryViews(Protocol):
    """What can be asked about deliveries."""

    async def page(
        self,
        *,
        after: Place | None,
        limit: int,
        conversation_id: str,
        state: State | None,
    ) -> list[tuple[Delivery, Mail]]:
        """List deliveries, newest first, from a place on; without their texts."""
        ...

    async def one(self, delivery_id: str) -> tuple[Delivery, Mail]:
        """Return one delivery with its text.

        Raises:
            DeliveryNotFound: there is none.
        """
        ...


class UnitOfWork(Protocol):
    """One transaction: its moment, its collections, and what it says."""

    @property
    def now(self) -> datetime:
        """Give the one moment of this unit."""
        ...

    @property
    def acknowledgements(self) -> Acknowledgements:
        """Give the acknowledgements."""
        ...

    @property
    def accounts(self) -> Accounts:
        """Give the accounts."""
        ...

    @property
    def threads(self) -> Threads:
        """Give the threads."""
        ...

    @property
    def deliveries(self) -> Deliveries:
        """Give the deliveries."""
        ...

    def record(self, event: Event) -> None:
        """Say that something happened, with this transaction or not at all."""
        ...


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What the verbs that tell people have at hand.

    Attributes:
        texts: The texts.
        links: The tokens and pages.
        patience: How long an acknowledgement waits for its deadline.
        automatic_limit: How many automatic mails one address gets in a day.
    """

    texts: Texts
    links: Links
    patience: timedelta
    automatic_limit: int


class Carrier(Protocol):
    """Hands mails over to the receiving side."""

    async def carry(self, delivery: Delivery, mail: Mail) -> Result:
        """Try once; every end of it is a result."""
        ...
