"""What can be asked about deliveries: keyset pages, newest first."""

from sqlalchemy import literal, literal_column, select, tuple_

from otklik_notify.adapters import rows
from otklik_notify.adapters.tables import deliveries
from otklik_notify.domain.delivery import Delivery, State
from otklik_notify.domain.errors import DeliveryNotFound
from otklik_notify.domain.mail import Mail
from otklik_notify.ports import Place
from otklik_runtime.database import Database

_WITHOUT_TEXTS = [
    literal_column("''").label(column.name) if column.name in {"text", "html"} else column
    for column in deliveries.c
]


class PostgresDeliveryViews:
    """Reads deliveries for the API."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self,
        *,
        after: Place | None,
        limit: int,
        conversation_id: str,
        state: State | None,
    ) -> list[tuple[Delivery, Mail]]:
        """List deliveries, newest first, from a place on; without their texts."""
        query = (
            select(*_WITHOUT_TEXTS)
            .order_by(deliveries.c.created_at.desc(), deliveries.c.id.desc())
            .limit(limit)
        )
        if after is not None:
            query = query.where(
                tuple_(deliveries.c.created_at, deliveries.c.id)
                < tuple_(after.created_at, literal(after.delivery_id, deliveries.c.id.type))
            )
        if conversation_id:
            query = query.where(deliveries.c.conversation_id == conversation_id)
        if state is not None:
            query = query.where(deliveries.c.state == state)
        async with self._database.read() as connection:
            found = (await connection.execute(query)).mappings().all()
        return [(rows.delivery_of(row), rows.mail_of(row)) for row in found]

    async def one(self, delivery_id: str) -> tuple[Delivery, Mail]:
        """Return one delivery with its text.

        Raises:
            DeliveryNotFound: there is none.
        """
        query = select(deliveries).where(deliveries.c.id == delivery_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().first()
        if row is None:
            raise DeliveryNotFound(delivery_id)
        return rows.delivery_of(row), rows.mail_of(row)
