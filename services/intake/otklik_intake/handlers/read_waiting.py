"""Read originals that wait, and say what was received.

Called by the reader for a batch in one transaction: the items are locked, their originals parsed
and judged (`domain.filters`), a conversation is proposed, and `MessageReceived` is said for each.
Tickets hears it next.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from otklik_intake.domain import fingerprint, outcome
from otklik_intake.domain.items import StoredFile
from otklik_intake.domain.letter import File
from otklik_intake.domain.outcome import Outcome
from otklik_intake.domain.reading import Reading, read
from otklik_intake.domain.submission import MEDIA_TYPE as SUBMISSION
from otklik_intake.ports import Parse, UnitOfWork


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadBatch:
    """What one batch came to, for whoever counts."""

    received: int = 0
    quarantined: int = 0
    forged_tokens: int = 0

    @property
    def size(self) -> int:
        """How many items were read."""
        return self.received + self.quarantined


async def read_waiting(
    unit: UnitOfWork,
    *,
    parse: Parse,
    conversation_of: Callable[[str], str | None],
    heavy: bool,
    limit: int,
    among: Collection[str] | None = None,
) -> ReadBatch:
    """Read at most `limit` items of one queue.

    Args:
        unit: The transaction.
        parse: Reads the originals.
        conversation_of: The conversation a thread token stands for; None if we did not sign it.
        heavy: Which queue: that of originals that are read apart, or the other.
        limit: The size of the batch.
        among: Only items with these ids, if given.
    """
    items = await unit.items.take_unread(heavy=heavy, limit=limit, among=among)
    if not items:
        return ReadBatch()
    contents = await parse(items)
    accounts = await unit.accounts.all()
    readings = [
        read(item, content, accounts=accounts, conversation_of=conversation_of)
        for item, content in zip(items, contents, strict=True)
    ]
    kept = await _keep_files(unit, readings)
    outcomes = await _conclude(unit, readings, kept)
    await unit.items.save_outcomes(outcomes, unit.now)
    quarantined = sum(bool(reading.finding.quarantine) for reading in readings)
    return ReadBatch(
        received=len(readings) - quarantined,
        quarantined=quarantined,
        forged_tokens=sum(reading.finding.forged_tokens for reading in readings),
    )


async def _keep_files(
    unit: UnitOfWork, readings: Sequence[Reading]
) -> Mapping[str, tuple[StoredFile, ...]]:
    """Store the files found in mail; those of a submission came apart and are stored already."""
    submitted = [
        reading.item.item_id for reading in readings if reading.item.media_type == SUBMISSION
    ]
    kept = await unit.items.files_of(submitted) if submitted else {}
    found = [
        (StoredFile.of(file, item_id=reading.item.item_id, position=position), file)
        for reading in readings
        if not reading.finding.quarantine
        for position, file in enumerate(_files(reading), start=1)
    ]
    if found:
        await unit.items.add_files(found)
    for stored, _ in found:
        kept[stored.item_id] = (*kept.get(stored.item_id, ()), stored)
    return kept


def _files(reading: Reading) -> tuple[File, ...]:
    """Give a letter's files; a text too long for an event is one of them: nothing is lost."""
    text = reading.finding.text
    if reading.item.media_type == SUBMISSION or outcome.cut(text) == text:
        return reading.files
    whole = File(
        filename=outcome.WHOLE_TEXT_NAME,
        content_type="text/plain",
        content=text.encode(),
    )
    return (whole, *reading.files)


async def _conclude(
    unit: UnitOfWork, readings: Sequence[Reading], kept: Mapping[str, tuple[StoredFile, ...]]
) -> list[Outcome]:
    """Propose conversations in the order of arrival: a letter may answer one of its batch."""
    wanted = {
        fingerprint.of_message_id(message_id)
        for reading in readings
        for message_id in reading.finding.answers_to
    }
    known = dict(await unit.threads.conversations(wanted)) if wanted else {}
    remembered: dict[bytes, tuple[str, str]] = {}
    outcomes: list[Outcome] = []
    for reading in readings:
        conversation_id, evidence = outcome.propose(reading, known)
        for message_id in reading.finding.remembers:
            digest = fingerprint.of_message_id(message_id)
            known.setdefault(digest, conversation_id)
            remembered.setdefault(digest, (conversation_id, reading.item.item_id))
        if reading.finding.quarantine:
            event = outcome.quarantined(reading, conversation_id)
            unit.record(event, traceparent=reading.item.traceparent)
        else:
            files = kept.get(reading.item.item_id, ())
            said = outcome.received(reading, conversation_id, evidence, files)
            unit.record(said, traceparent=reading.item.traceparent)
        outcomes.append(outcome.of_reading(reading, conversation_id))
    if remembered:
        await unit.threads.remember(remembered)
    return outcomes
