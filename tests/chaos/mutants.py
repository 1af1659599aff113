"""Builds of the runtime that are wrong on purpose: what the checks of reliability must catch.

Each lacks one thing that keeps events from being lost or doubled. `build` copies the runtime and
takes that thing away; a process that has the copy first on its PYTHONPATH runs the mutant.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

RUNTIME = Path(__file__).parents[2] / "libs/runtime/otklik_runtime"


class PatchDoesNotFit(LookupError):
    """The runtime no longer has the text that a mutant changes: write the mutant anew."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One text of one module, and what the mutant has in its place."""

    module: str
    text: str
    instead: str


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A wrong build.

    Attributes:
        what_it_lacks: For whoever reads that it was caught, or was not.
    """

    what_it_lacks: str
    changes: tuple[Change, ...]


MUTANTS: dict[str, Mutant] = {
    "no_inbox": Mutant(
        what_it_lacks="it applies whatever arrives, seen before or not, next in order or not",
        changes=(
            Change(
                module="inbox.py",
                text="        if event.version <= newest:\n",
                instead="        if True:\n            verdicts.apply.append(event)\n"
                "        elif event.version <= newest:\n",
            ),
            Change(
                module="inbox.py",
                text="    verdicts.apply = [event for event in verdicts.apply"
                " if event.event_id in fresh]\n",
                instead="",
            ),
            Change(
                module="inbox.py",
                text="    verdicts.duplicate.extend(event for event in verdicts.apply"
                " if event.event_id not in fresh)\n",
                instead="    del fresh\n",
            ),
        ),
    ),
    "ack_before_commit": Mutant(
        what_it_lacks="it answers the broker before the effect is committed",
        changes=(
            Change(
                module="subscription.py",
                text='        """Handle a batch, halving it around whatever fails."""\n',
                instead='        """Handle a batch, halving it around whatever fails."""\n'
                "        for one in batch:\n"
                "            if not one.raw.is_acked:\n"
                "                await one.raw.ack()\n",
            ),
            Change(
                module="subscription.py",
                text="            await by_place[event.sequence].raw.ack()\n",
                instead="",
            ),
            Change(
                module="subscription.py",
                text="        await one.raw.nak(delay=delay)\n",
                instead="        del delay\n",
            ),
            Change(
                module="subscription.py",
                text="            await one.raw.nak(delay=_delay(one.event.delivery_count))\n",
                instead="            return\n",
            ),
            Change(
                module="subscription.py",
                text="        await raw.ack()\n",
                instead="        if not raw.is_acked:\n            await raw.ack()\n",
            ),
        ),
    ),
    "publish_before_commit": Mutant(
        what_it_lacks="it writes events in a transaction of their own, before that of the effect",
        changes=(
            Change(
                module="database.py",
                text="        await recorder.write(self.connection, facts)\n",
                instead="        async with self.connection.engine.begin() as apart:\n"
                "            await recorder.write(apart, facts)\n",
            ),
        ),
    ),
    "plain_cursor": Mutant(
        what_it_lacks="its relay goes by position alone and overlooks what commits late",
        changes=(
            Change(
                module="outbox.py",
                text="from events where stream_sequence is null\n",
                instead="from events where position >\n"
                "                     (select coalesce(max(position), 0) from events\n"
                "                       where stream_sequence is not null)\n",
            ),
        ),
    ),
}


def build(name: str, target_directory: Path) -> Path:
    """Copy the runtime into a directory and plant a mutant's changes.

    Args:
        name: One of `MUTANTS`.
        target_directory: Where `otklik_runtime` is put; to be first on PYTHONPATH.

    Returns:
        The directory.

    Raises:
        PatchDoesNotFit: a text to be changed is not there exactly once.
    """
    copy = target_directory / RUNTIME.name
    shutil.copytree(RUNTIME, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for change in MUTANTS[name].changes:
        path = copy / change.module
        source = path.read_text()
        if source.count(change.text) != 1:
            raise PatchDoesNotFit(
                f"{name}: {change.module} has this {source.count(change.text)} times, not once:\n"
                f"{change.text}"
            )
        path.write_text(source.replace(change.text, change.instead))
    return target_directory
