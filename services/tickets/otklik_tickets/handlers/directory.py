"""Add people and systems the desk knows."""

from otklik_runtime import ids
from otklik_tickets.domain import events
from otklik_tickets.domain.commands import CreateCustomer
from otklik_tickets.domain.customer import Customer
from otklik_tickets.domain.errors import SegmentNotFound
from otklik_tickets.domain.staff import Agent, Partner
from otklik_tickets.ports import UnitOfWork


async def create_customer(unit: UnitOfWork, command: CreateCustomer) -> Customer:
    """Add a customer and say `CustomerChanged`."""
    catalogue = await unit.desk.catalogue()
    if command.segment and command.segment not in catalogue.segments:
        raise SegmentNotFound(command.segment)
    customer = Customer(
        id=ids.new_id(),
        display_name=command.display_name,
        identities=command.identities,
        segment=command.segment,
        locale=command.locale,
        time_zone=command.time_zone,
        created_at=unit.now,
    )
    await unit.customers.add(customer)
    unit.record(events.CustomerChanged(occurred_at=unit.now, actor=command.by, customer=customer))
    return customer


async def create_agent(
    unit: UnitOfWork, *, display_name: str, subject: str, roles: tuple[str, ...], locale: str
) -> Agent:
    """Add somebody who works at the desk."""
    agent = Agent(
        id=ids.new_id(),
        display_name=display_name,
        subject=subject,
        roles=roles,
        locale=locale,
        created_at=unit.now,
    )
    await unit.directory.add_agent(agent)
    return agent


async def create_partner(unit: UnitOfWork, *, display_name: str, public_key_pem: str) -> Partner:
    """Add a partner system; its key was checked when it was read."""
    partner = Partner(
        id=ids.new_id(),
        display_name=display_name,
        public_key_pem=public_key_pem,
        created_at=unit.now,
    )
    await unit.directory.add_partner(partner)
    return partner
