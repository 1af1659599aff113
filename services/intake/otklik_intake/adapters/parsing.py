"""Who reads which original: tame ones here and now, all others in a process of their own."""

from collections.abc import Sequence
from datetime import datetime

from otklik_intake.adapters.isolated_parser import IsolatedParser
from otklik_intake.adapters.mail_parser import parse
from otklik_intake.domain.items import StoredItem
from otklik_intake.domain.letter import Content


class Parsing:
    """Reads batches of originals.

    What was received before this process first read anything may be what ended the one before it:
    it is read apart, so that nothing ends a process twice.
    """

    def __init__(self, isolated: IsolatedParser) -> None:
        self._isolated = isolated
        self._since: datetime | None = None

    def begin(self, now: datetime) -> None:
        """Say that reading begins; only the first time counts."""
        self._since = self._since or now

    async def parse(self, items: Sequence[StoredItem]) -> list[Content]:
        """Read originals, in order."""
        apart = [item for item in items if self._is_suspect(item)]
        contents = await self._isolated.parse(apart) if apart else []
        found = {item.item_id: content for item, content in zip(apart, contents, strict=True)}
        return [found.get(item.item_id) or parse(item.original, item.media_type) for item in items]

    def _is_suspect(self, item: StoredItem) -> bool:
        return item.heavy or self._since is None or item.received_at < self._since
