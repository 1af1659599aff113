"""The gRPC services: each method translates, calls one verb or view, and translates back."""

from otklik_tickets.entrypoints.grpc_api.catalogue import CatalogueApi
from otklik_tickets.entrypoints.grpc_api.directory import DirectoryApi
from otklik_tickets.entrypoints.grpc_api.identity import IdentityApi, SessionLives
from otklik_tickets.entrypoints.grpc_api.tickets import TicketApi

__all__ = ["CatalogueApi", "DirectoryApi", "IdentityApi", "SessionLives", "TicketApi"]
