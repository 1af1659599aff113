"""Find out who wrote the messages of a batch: known customers by their address, new ones made.

The first contact of one sender may arrive twice at once, in one batch or on two replicas: the
address is unique, so whoever comes second takes the customer that is there by then.
"""

from collections.abc import Iterable, Mapping, Sequence

from otklik_runtime import ids
from otklik_tickets.domain import actors, events
from otklik_tickets.domain.channels import Address, proves_writer, writer_address
from otklik_tickets.domain.commands import HearMessage
from otklik_tickets.domain.customer import Customer, Identity
from otklik_tickets.ports import UnitOfWork

# A writer is known by an address, or, where a message has none, by that message alone.
_Key = Address | str


async def writers_of(unit: UnitOfWork, heard: Sequence[HearMessage]) -> list[Customer]:
    """The customer who wrote each message, in the order of the messages."""
    keys = [_key(message) for message in heard]
    by_key: dict[_Key, HearMessage] = {}
    for key, message in zip(keys, heard, strict=True):
        by_key.setdefault(key, message)
    addresses = [key for key in by_key if isinstance(key, Address)]
    found = await unit.customers.by_addresses(addresses)
    known: dict[_Key, Customer] = dict(found.items())
    known |= await _prove(unit, found, keys, heard)
    strangers = {key: message for key, message in by_key.items() if key not in known}
    if strangers:
        known |= await _welcome(unit, strangers)
    return [known[key] for key in keys]


def _key(message: HearMessage) -> _Key:
    address = writer_address(message.channel, message.sender_address, message.partner_id)
    return address if address is not None else message.item_id


async def _welcome(unit: UnitOfWork, strangers: Mapping[_Key, HearMessage]) -> dict[_Key, Customer]:
    names = await _partner_names(unit, strangers.values())
    customers: dict[_Key, Customer] = {
        key: _newcomer(unit, key, each, names) for key, each in strangers.items()
    }
    # In the order of their addresses: two batches that meet the same people wait for each other
    # then, and do not deadlock.
    in_order = sorted(
        customers.values(),
        key=lambda customer: customer.identities[:1] and (customer.identities[0].address,),
    )
    settled = await unit.customers.welcome(in_order)
    standing = dict(customers)
    standing.update(settled.items())
    for key, message in strangers.items():
        if standing[key].id == customers[key].id:
            unit.record(_changed(standing[key], message))
    return standing


def _newcomer(
    unit: UnitOfWork, key: _Key, message: HearMessage, names: Mapping[str, str]
) -> Customer:
    identities: tuple[Identity, ...] = ()
    if isinstance(key, Address):
        identities = (Identity(address=key, verified=proves_writer(message.channel)),)
    name = message.sender_name or message.sender_address or names.get(message.partner_id, "")
    return Customer(id=ids.new_id(), display_name=name, identities=identities, created_at=unit.now)


async def _partner_names(unit: UnitOfWork, heard: Iterable[HearMessage]) -> Mapping[str, str]:
    unnamed = {each.partner_id for each in heard if each.partner_id and not each.sender_address}
    return await unit.directory.partner_names(unnamed) if unnamed else {}


async def _prove(
    unit: UnitOfWork,
    known: Mapping[Address, Customer],
    keys: Sequence[_Key],
    heard: Sequence[HearMessage],
) -> dict[_Key, Customer]:
    """Mark addresses as proven that were only claimed before and now have been written from."""
    proofs = {
        key: message
        for key, message in zip(keys, heard, strict=True)
        if isinstance(key, Address)
        and key in known
        and proves_writer(message.channel)
        and Identity(address=key, verified=False) in known[key].identities
    }
    if not proofs:
        return {}
    proven: dict[_Key, Customer] = {}
    for customer in await unit.customers.prove(sorted(proofs)):
        theirs = [each.address for each in customer.identities if each.address in proofs]
        proven |= dict.fromkeys(theirs, customer)
        unit.record(_changed(customer, proofs[theirs[0]]))
    return proven


def _changed(customer: Customer, message: HearMessage) -> events.CustomerChanged:
    return events.CustomerChanged(
        occurred_at=message.received_at,
        actor=actors.customer(customer.id),
        cause=message.cause,
        customer=customer,
    )
