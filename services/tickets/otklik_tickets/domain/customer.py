"""Customers and the addresses they are known by; segments by what an outage costs them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from otklik_runtime.errors import InvalidInput
from otklik_tickets.domain.channels import Address
from otklik_tickets.domain.priority import Level
from otklik_tickets.domain.texts import LocalizedText


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """An address of a customer, and whether it is proven to be the customer's."""

    address: Address
    verified: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Customer:
    """Somebody the desk serves."""

    id: str
    display_name: str
    identities: tuple[Identity, ...]
    segment: str = ""
    locale: str = ""
    time_zone: str = ""
    created_at: datetime
    version: int = 1

    @property
    def etag(self) -> str:
        """Changes with every change of the customer."""
        return f'"{self.version}"'


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """A group of customers by what an outage costs them."""

    name: str
    display_name: LocalizedText
    impact: Level
    default: bool = False


def distinct_identities(identities: Iterable[Identity]) -> tuple[Identity, ...]:
    """The identities as given, refusing one address given twice."""
    by_address: dict[Address, Identity] = {}
    for index, identity in enumerate(identities):
        if identity.address in by_address:
            raise InvalidInput(
                "identity_repeated",
                "An address is given twice.",
                field=f"customer.identities[{index}].address",
            )
        by_address[identity.address] = identity
    return tuple(by_address.values())
