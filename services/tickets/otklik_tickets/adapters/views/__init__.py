"""Read queries for the APIs: no aggregate is built for a decision, no count is ever taken."""

from otklik_tickets.adapters.views.catalogue import PostgresCatalogueViews
from otklik_tickets.adapters.views.directory import PostgresDirectoryViews
from otklik_tickets.adapters.views.tickets import PostgresTicketViews

__all__ = ["PostgresCatalogueViews", "PostgresDirectoryViews", "PostgresTicketViews"]
