"""What intake is asked to do, beside receiving (`items.Arrival`)."""

from dataclasses import dataclass

from otklik_intake.domain.items import ItemState


@dataclass(frozen=True, kw_only=True, slots=True)
class SettleItem:
    """Tickets said what became of an item: the item leaves pending.

    `conversation_id` is the final one, which may differ from the proposed one.
    """

    item_id: str
    state: ItemState
    conversation_id: str
    ticket_id: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayItem:
    """A person wants a quarantined item read again."""

    item_id: str
