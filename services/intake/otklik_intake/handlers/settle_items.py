"""Write into the ledger what tickets made of items.

Called by the subscription on tickets for a batch in one transaction. The item leaves pending, and
later replies to its mail are proposed for the conversation it really came to.
"""

from collections.abc import Sequence

from otklik_intake.domain.commands import SettleItem
from otklik_intake.domain.errors import ItemNotFound
from otklik_intake.domain.items import ItemState
from otklik_intake.ports import UnitOfWork


async def settle_items(unit: UnitOfWork, commands: Sequence[SettleItem]) -> None:
    """Settle items that are pending; one that has left pending stays what it became first.

    Raises:
        ItemNotFound: tickets speaks of an item that is not in this ledger.
    """
    states = await unit.items.states([command.item_id for command in commands])
    settled: dict[str, SettleItem] = {}
    for command in commands:
        state = states.get(command.item_id)
        if state is None:
            raise ItemNotFound(f"items/{command.item_id}")
        if state is ItemState.PENDING:
            settled.setdefault(command.item_id, command)
    if settled:
        await unit.items.settle(list(settled.values()), unit.now)
        await unit.threads.move(
            [one for one in settled.values() if one.state is not ItemState.REFUSED]
        )
