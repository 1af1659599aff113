"""Store what came through a door, before anybody reads it.

The second stop of the journey: called by every door (SMTP, form, API) for a group of arrivals that
share one transaction. What is stored here is durable when the sender gets his answer; the reader
(`read_waiting`) takes it from there.
"""

from collections.abc import Sequence
from dataclasses import replace

from otklik_intake.domain.errors import RequestIdReused
from otklik_intake.domain.events import MessageRefused
from otklik_intake.domain.items import Arrival, ItemState, Key, Receipt
from otklik_intake.ports import UnitOfWork
from otklik_runtime import ids


async def receive(unit: UnitOfWork, arrivals: Sequence[Arrival]) -> list[Receipt | RequestIdReused]:
    """Store new arrivals, recognise repeated ones, and answer each in its place.

    A repeated delivery gets the receipt of the first and makes nothing. A request id that comes
    again with another content is refused: its answer is the error.
    """
    first: dict[Key, Arrival] = {}
    for arrival in arrivals:
        first.setdefault(arrival.key, arrival)
    candidates = {key: _receipt(unit, arrival) for key, arrival in first.items()}
    fresh = await unit.items.add([(first[key], receipt) for key, receipt in candidates.items()])
    stored = {
        key: (receipt, first[key].content_digest)
        for key, receipt in candidates.items()
        if receipt.item_id in fresh
    }
    for key, (receipt, _) in stored.items():
        _record_refusal(unit, first[key], receipt)
    repeated = [key for key in candidates if key not in stored]
    if repeated:
        stored |= await unit.items.find(repeated)
    answered: set[str] = set()
    return [_answer(arrival, *stored[arrival.key], answered) for arrival in arrivals]


def _receipt(unit: UnitOfWork, arrival: Arrival) -> Receipt:
    return Receipt(
        item_id=ids.new_id(),
        conversation_id=arrival.conversation_id or ids.new_id(),
        state=ItemState.REFUSED if arrival.refusal else ItemState.PENDING,
        received_at=unit.now,
        fresh=True,
    )


def _record_refusal(unit: UnitOfWork, arrival: Arrival, receipt: Receipt) -> None:
    if arrival.refusal:
        event = MessageRefused(
            item_id=receipt.item_id,
            conversation_id=receipt.conversation_id,
            reason=arrival.refusal,
            received_at=receipt.received_at,
        )
        unit.record(event, traceparent=arrival.traceparent)


def _answer(
    arrival: Arrival, receipt: Receipt, digest: bytes, answered: set[str]
) -> Receipt | RequestIdReused:
    if digest != arrival.content_digest:
        return RequestIdReused()
    if receipt.item_id in answered:
        return replace(receipt, fresh=False)
    answered.add(receipt.item_id)
    return receipt
