"""Rows to aggregates and back: explicit, one noun a module."""

from otklik_tickets.adapters.repository.customers import PostgresCustomers
from otklik_tickets.adapters.repository.desk import CatalogueCopy, PostgresDesk
from otklik_tickets.adapters.repository.directory import PostgresDirectory
from otklik_tickets.adapters.repository.sessions import PostgresSessions
from otklik_tickets.adapters.repository.tickets import PostgresTickets

__all__ = [
    "CatalogueCopy",
    "PostgresCustomers",
    "PostgresDesk",
    "PostgresDirectory",
    "PostgresSessions",
    "PostgresTickets",
]
