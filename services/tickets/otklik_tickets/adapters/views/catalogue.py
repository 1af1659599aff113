"""The catalogue, to be shown."""

from otklik_runtime.database import Database
from otklik_tickets.adapters.repository import CatalogueCopy
from otklik_tickets.domain.catalogue import Catalogue


class PostgresCatalogueViews:
    """Reads the catalogue from this process's copy, as long as it is current."""

    def __init__(self, database: Database, copy: CatalogueCopy) -> None:
        """Read from this database."""
        self._database = database
        self._copy = copy

    async def catalogue(self) -> Catalogue:
        """Everything, as it is now."""
        async with self._database.read() as connection:
            return await self._copy.current(connection)
