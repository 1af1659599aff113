"""The services of the catalogue, asked of tickets and remembered: the form works without them."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from otklik.tickets.v1 import catalogue_service_pb2
from otklik_intake.domain.service import Service
from otklik_runtime.errors import OtklikError

if TYPE_CHECKING:  # the stub's type is known to the type checker alone
    from otklik.tickets.v1.catalogue_service_pb2_grpc import CatalogueServiceAsyncStub

FRESH_SECONDS = 60.0
RETRY_SECONDS = 5.0
PATIENCE_SECONDS = 1.0
_PAGE = 500

_LOG = logging.getLogger(__name__)


class RememberedCatalogue:
    """Asks tickets in the background and answers at once from what it remembers."""

    def __init__(self, stub: "CatalogueServiceAsyncStub") -> None:
        self._stub = stub
        self._services: tuple[Service, ...] | None = None
        self._ask_again_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def services(self) -> Sequence[Service]:
        """Give the services; none while tickets does not answer and nobody remembers them."""
        await self._refreshed(at_once=False)
        return self._services or ()

    async def refuses(self, name: str) -> bool:
        """Say whether the catalogue is known and does not have this service."""
        await self._refreshed(at_once=False)
        if self._services is None or self._has(name):
            return False
        # It may have been added a moment ago: nobody is refused from memory.
        await self._refreshed(at_once=True)
        return not self._has(name)

    def _has(self, name: str) -> bool:
        return any(service.name == name for service in self._services or ())

    async def _refreshed(self, *, at_once: bool) -> None:
        """Ask tickets if the answer is old; wait for it only if there is none or it must be new."""
        if self._asking is None and (at_once or time.monotonic() >= self._ask_again_at):
            self._asking = asyncio.create_task(self._ask(), name="ask for the catalogue")
        if self._asking is not None and (at_once or not self._services):
            await asyncio.wait({self._asking}, timeout=PATIENCE_SECONDS)

    async def _ask(self) -> None:
        try:
            self._services = await self._read()
            # An empty catalogue is one that is still being filled.
            life = FRESH_SECONDS if self._services else RETRY_SECONDS
            self._ask_again_at = time.monotonic() + life
        except OtklikError as error:
            _LOG.warning("the catalogue cannot be read", extra={"reason": error.code})
            self._ask_again_at = time.monotonic() + RETRY_SECONDS
        finally:
            self._asking = None

    async def _read(self) -> tuple[Service, ...]:
        services: list[Service] = []
        token = ""
        while True:
            request = catalogue_service_pb2.ListServicesRequest(page_size=_PAGE, page_token=token)
            page = await self._stub.ListServices(request)
            services += (
                Service(
                    name=one.name,
                    display_name={"ru": one.display_name.ru, "en": one.display_name.en},
                )
                for one in page.services
            )
            token = page.next_page_token
            if not token:
                return tuple(services)
