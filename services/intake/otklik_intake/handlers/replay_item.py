"""Let a quarantined item be read again, because a person decided so."""

from otklik_intake.domain.commands import ReplayItem
from otklik_intake.domain.errors import ItemNotFound, ItemNotQuarantined
from otklik_intake.domain.items import ItemState
from otklik_intake.ports import UnitOfWork


async def replay_item(unit: UnitOfWork, command: ReplayItem) -> None:
    """Put a quarantined item back to those that wait to be read.

    Raises:
        ItemNotFound: there is no such item.
        ItemNotQuarantined: it is in another state.
    """
    name = f"items/{command.item_id}"
    state = (await unit.items.states([command.item_id])).get(command.item_id)
    if state is None:
        raise ItemNotFound(name)
    if state is not ItemState.QUARANTINED:
        raise ItemNotQuarantined(name, state)
    await unit.items.requeue(command.item_id)
