"""Compares what the broker has with what it must have, and makes it so.

Nothing is ever deleted, because a stream or a consumer that is made anew forgets. What JetStream
cannot change in place (the storage of a stream, where a consumer began) is therefore reported, not
repaired.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from otklik_ops.provisioner.broker import Broker
from otklik_ops.provisioner.definitions import Config, Consumer, Definitions, Stream
from otklik_runtime.errors import Conflict, NotFound

logger = logging.getLogger(__name__)

# What JetStream leaves out of its answers when it is unset.
DEFAULTS: Mapping[str, object] = {"allow_atomic": False, "num_replicas": 1}
# Restrictions are drift too: a filtered durable would lose events without a word.
CONSUMER_MUST_NOT_HAVE = ("filter_subject", "filter_subjects", "backoff", "paused", "pause_until")
STREAM_MUST_NOT_HAVE = ("max_msgs_per_subject", "mirror", "sources", "subject_transform", "sealed")


@dataclass(frozen=True, kw_only=True)
class Pass:
    """What one look at the broker found and did.

    Args:
        created: streams and consumers that were missing.
        corrected: those that differed and are right now.
        wrong: those that differ and cannot be corrected without losing something.
    """

    created: tuple[str, ...]
    corrected: tuple[str, ...]
    wrong: tuple[str, ...]


class Keeper:
    """Keeps every definition right, one idempotent pass at a time."""

    def __init__(self, broker: Broker, definitions: Definitions) -> None:
        self._broker = broker
        self._definitions = definitions
        self._created: list[str] = []
        self._corrected: list[str] = []
        self._wrong: list[str] = []
        self._reported: frozenset[str] = frozenset()

    async def look(self) -> Pass:
        """Look at everything once, create what is missing, correct what differs.

        Raises:
            Unavailable: the broker does not answer; nothing is known then.
            NotFound: something went away during the look; the next one makes it again.
        """
        self._created, self._corrected, self._wrong = [], [], []
        for stream in self._definitions.streams:
            await self._keep_stream(stream)
        for consumer in self._definitions.consumers:
            await self._keep_consumer(consumer)
        self._reported = frozenset(self._wrong)
        return Pass(
            created=tuple(self._created),
            corrected=tuple(self._corrected),
            wrong=tuple(self._wrong),
        )

    async def _keep_stream(self, wanted: Stream) -> None:
        try:
            have = await self._broker.stream(wanted)
        except NotFound:
            await self._create(wanted.name, self._broker.create_stream(wanted))
            return
        await self._correct(
            wanted.name,
            drift(have, wanted.config, STREAM_MUST_NOT_HAVE),
            lambda: self._broker.update_stream(
                wanted.name, _corrected(have, wanted.config, STREAM_MUST_NOT_HAVE)
            ),
        )

    async def _keep_consumer(self, wanted: Consumer) -> None:
        name = f"{wanted.stream}/{wanted.name}"
        try:
            have = await self._broker.consumer(wanted)
        except NotFound:
            await self._create(name, self._broker.create_consumer(wanted))
            return
        await self._correct(
            name,
            drift(have, wanted.config, CONSUMER_MUST_NOT_HAVE),
            lambda: self._broker.update_consumer(
                wanted, _corrected(have, wanted.config, CONSUMER_MUST_NOT_HAVE)
            ),
        )

    async def _create(self, name: str, creating: Awaitable[None]) -> None:
        try:
            await creating
        except Conflict as refused:
            self._tell_wrong(name, "cannot be created", refused, {})
            return
        self._created.append(name)
        logger.info("created", extra={"definition": name})

    async def _correct(
        self, name: str, differences: Mapping[str, str], correct: Callable[[], Awaitable[None]]
    ) -> None:
        if not differences:
            return
        try:
            await correct()
        except Conflict as refused:
            self._tell_wrong(name, "differs and cannot be corrected in place", refused, differences)
            return
        self._corrected.append(name)
        logger.warning("corrected", extra={"definition": name, "drift": dict(differences)})

    def _tell_wrong(
        self, name: str, what: str, refused: Conflict, differences: Mapping[str, str]
    ) -> None:
        self._wrong.append(name)
        if name not in self._reported:
            facts = {"definition": name, "drift": dict(differences), "why": str(refused)}
            logger.error(what, extra=facts)


def drift(have: Config, wanted: Config, must_not_have: tuple[str, ...]) -> dict[str, str]:
    """Say which settings differ, as `is -> must be`."""
    differences = {
        key: f"{have.get(key, DEFAULTS.get(key))} -> {value}"
        for key, value in wanted.items()
        if have.get(key, DEFAULTS.get(key)) != value
    }
    return differences | {
        key: f"{have[key]} -> none" for key in must_not_have if _restricts(have.get(key))
    }


def _restricts(value: object) -> bool:
    return bool(value) and value != -1


def _corrected(have: Config, wanted: Config, must_not_have: tuple[str, ...]) -> Config:
    kept = {key: value for key, value in have.items() if key not in must_not_have}
    return {**kept, **wanted}
