"""Keep what other services say about a ticket, to be shown: deadlines and deliveries."""

from collections.abc import Sequence

from otklik_tickets.domain.commands import ShowClock, ShowDelivery
from otklik_tickets.ports import UnitOfWork


async def show_clocks(unit: UnitOfWork, heard: Sequence[Sequence[ShowClock]]) -> None:
    """Keep how clocks stand; of several words about one clock the last counts."""
    newest = {
        (clock.ticket_id, clock.kind, clock.instance): clock for clocks in heard for clock in clocks
    }
    # In the order of the key: two batches that meet the same rows then wait, not deadlock.
    await unit.tickets.show_clocks([newest[key] for key in sorted(newest)])


async def show_deliveries(unit: UnitOfWork, heard: Sequence[ShowDelivery]) -> None:
    """Keep how far public messages got; of several words about one message the last counts."""
    newest = {delivery.message_id: delivery for delivery in heard}
    await unit.tickets.show_deliveries([newest[key] for key in sorted(newest)])
