"""What events do to a reader's database: judged, handled and marked in one transaction."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import protovalidate

from otklik_runtime import dead_letters, inbox, story, telemetry
from otklik_runtime.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from google.protobuf.message import Message

    from otklik_runtime.database import Database, Transaction
    from otklik_runtime.dead_letters import DeadLetter
    from otklik_runtime.envelope import Incoming

MARK_LIFE = timedelta(days=30)
PRUNED_AT_ONCE = 10_000

_LOG = logging.getLogger(__name__)


class Applier:
    """One reader's end of one owner's events, whichever way they come."""

    def __init__(
        self,
        *,
        database: Database,
        reader: str,
        owner: str,
        translate: Mapping[type[Message], Callable[[Incoming], Any]],
        handle: Callable[[Transaction, Sequence[Any]], Awaitable[None]],
    ) -> None:
        """Apply with a service's translations and its handler."""
        self._database = database
        self._reader = reader
        self._owner = owner
        self._translate: Mapping[str, Callable[[Incoming], Any]] = {
            kind.DESCRIPTOR.full_name: function for kind, function in translate.items()
        }
        self._handle = handle
        self.wanted: Mapping[str, type[Message]] = {
            kind.DESCRIPTOR.full_name: kind for kind in translate
        }

    async def apply(self, events: Sequence[Incoming]) -> inbox.Verdicts:
        """Handle events, mark them and advance their aggregates in one transaction."""
        spans = story.BatchSpans(events, self._owner)
        with spans:
            async with self._database.transaction() as transaction:
                transaction.caused_by(spans.causes)
                verdicts = await inbox.judge(
                    transaction.connection, self._owner, events, now=transaction.now
                )
                commands = [
                    command for event in verdicts.apply for command in self._commands(event)
                ]
                if commands:
                    await self._handle(transaction, commands)
                # The events before the marks: everywhere the same order of locks.
                await transaction.flush()
                await inbox.advance(transaction.connection, self._owner, verdicts.settled)
        telemetry.count("otklik.inbox.applied", len(verdicts.apply), owner=self._owner)
        if verdicts.duplicate:
            telemetry.count("otklik.inbox.duplicates", len(verdicts.duplicate), owner=self._owner)
        return verdicts

    async def look(self, event: Incoming) -> inbox.Verdicts:
        """Say what would become of an event, without handling it."""
        async with self._database.read() as connection:
            return await inbox.look(connection, self._owner, event)

    async def newest(self, aggregate_id: str) -> int:
        """Return the newest version seen of an aggregate; 0 if none."""
        async with self._database.read() as connection:
            return await inbox.newest(connection, self._owner, aggregate_id)

    async def replay(self, transaction: Transaction, event: Incoming) -> None:
        """Handle a dead letter's event now; its version was counted when it was set aside."""
        transaction.caused_by(story.causes_of(event, event.traceparent))
        await transaction.connection.exec_driver_sql(
            "insert into inbox (event_id, handled_at) values ($1::uuid, $2::timestamptz)"
            " on conflict do nothing",
            (event.event_id, transaction.now),
        )
        commands = self._commands(event)
        if commands:
            await self._handle(transaction, commands)

    async def jump(self, event: Incoming) -> None:
        """Go on without versions that their owner does not have either."""
        async with self._database.transaction() as transaction:
            await inbox.jump(
                transaction.connection, self._owner, event.aggregate_id, to=event.version - 1
            )
        telemetry.count("otklik.inbox.jumps", owner=self._owner)
        _LOG.error(
            "the owner lacks versions of an aggregate; going on without them",
            extra={"stream": event.stream, "aggregate_id": event.aggregate_id},
        )

    async def bury(self, letter: DeadLetter) -> None:
        """Set a message aside for a person to decide about."""
        async with self._database.transaction() as transaction:
            await dead_letters.bury(
                transaction.connection.exec_driver_sql,
                letter,
                now=transaction.now,
                reader=self._reader,
            )

    async def prune(self) -> None:
        """Delete the marks that no event can ask for any more."""
        pruned = PRUNED_AT_ONCE
        while pruned == PRUNED_AT_ONCE:
            async with self._database.transaction() as transaction:
                pruned = await inbox.prune(
                    transaction.connection,
                    before=transaction.now - MARK_LIFE,
                    limit=PRUNED_AT_ONCE,
                )

    def _commands(self, event: Incoming) -> list[Any]:
        function = self._translate.get(event.type)
        if function is None:
            return []
        try:
            protovalidate.validate(event.message)
        except protovalidate.ValidationError as error:
            fields = ", ".join(sorted(violation.proto.rule_id for violation in error.violations))
            message = f"{event.type} breaks its own contract: {fields}"
            raise InvalidInput("invalid_event", message) from error
        command = function(event)
        return [] if command is None else [command]
