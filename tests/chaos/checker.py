"""The checker: attempts and readings in, counts and violations out. It touches nothing.

The words are Jepsen's: lost = acknowledged and not read; recovered = read though never
acknowledged, which is allowed; unexpected = read though never attempted; unknown = neither
acknowledged nor read.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.ledger import Attempt, Outcome
from tests.chaos.readings import History, Readings, Versions

ITEM_DOORS = frozenset({"smtp", "http", "grpc"})
ITEM_STATES = frozenset({"pending", "ticketed", "appended", "quarantined", "refused"})
_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """What the faults themselves explain.

    Attributes:
        sending_at_kills: deliveries in `sending` when notify died, summed over its deaths.
        dead_letters: (service, reason) -> how many were injected.
    """

    sending_at_kills: int = 0
    dead_letters: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the checker found.

    Attributes:
        counts: for the report, in its order.
        violations: sentences; empty is green.
    """

    counts: Mapping[str, int]
    violations: tuple[str, ...]

    @property
    def green(self) -> bool:
        """Nothing lost, nothing doubled, nothing left over."""
        return not self.violations


def check(attempts: Sequence[Attempt], readings: Readings, allowed: Allowed) -> Verdict:
    """Compare what the world knows with what is there."""
    found = _Findings()
    _tokens(found, attempts, readings)
    _items(found, attempts, readings)
    _tickets(found, readings)
    _mails(found, readings, allowed)
    _histories(found, readings)
    _readers(found, readings)
    _projections(found, readings)
    _dead(found, readings, allowed)
    return Verdict(counts=found.counts, violations=tuple(found.violations))


@dataclass
class _Findings:
    counts: dict[str, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    def none_of(self, what: str, offenders: Iterable[object]) -> None:
        """Count what must not be, and name some of it."""
        named = [str(one) for one in offenders]
        self.counts[what] = len(named)
        if named:
            some = ", ".join(sorted(named)[:_EXAMPLES])
            self.violations.append(f"{what}: {len(named)} ({some})")


def _tokens(found: _Findings, attempts: Sequence[Attempt], readings: Readings) -> None:
    read = Counter(message.token for message in readings.messages)
    acknowledged = {one.token for one in attempts if one.outcome is Outcome.ACKNOWLEDGED}
    open_ended = {one.token for one in attempts if one.outcome is Outcome.UNKNOWN}
    found.counts["attempted"] = len(attempts)
    found.counts["acknowledged"] = len(acknowledged)
    found.counts["read"] = len(read)
    found.counts["recovered"] = len(open_ended & read.keys())
    found.counts["unknown"] = len(open_ended - read.keys())
    for place, tokens in _lost(attempts, read).items():
        found.none_of(f"lost {place}", tokens)
    found.none_of("unexpected", read.keys() - {one.token for one in attempts})
    found.none_of(
        "refused",
        (f"{one.token} {one.said}" for one in attempts if one.outcome is Outcome.REFUSED),
    )
    found.none_of("messages doubled", (token for token, count in read.items() if count > 1))


def _lost(attempts: Sequence[Attempt], read: Mapping[str, int]) -> dict[str, list[str]]:
    """Split the lost by where they lie in their writer's sequence; the middle is worst."""
    lost: dict[str, list[str]] = {"prefix": [], "middle": [], "postfix": []}
    writers: dict[str, list[Attempt]] = {}
    for one in attempts:
        if one.outcome is Outcome.ACKNOWLEDGED:
            writers.setdefault(one.writer, []).append(one)
    for written in writers.values():
        places = [one.number for one in written if one.token in read]
        for one in written:
            if one.token in read:
                continue
            if not places or one.number > max(places):
                lost["postfix"].append(one.token)
            elif one.number < min(places):
                lost["prefix"].append(one.token)
            else:
                lost["middle"].append(one.token)
    return lost


def _items(found: _Findings, attempts: Sequence[Attempt], readings: Readings) -> None:
    states = Counter(item.state for item in readings.items)
    found.counts["items received"] = len(readings.items)
    for state in ("ticketed", "appended", "quarantined", "refused"):
        found.counts[f"items {state}"] = states[state]
    found.none_of("items pending", (i.token for i in readings.items if i.state == "pending"))
    found.none_of("items in no known state", (one for one in states if one not in ITEM_STATES))
    by_token = Counter(item.token for item in readings.items if item.token)
    found.none_of("items doubled", (token for token, count in by_token.items() if count > 1))
    acknowledged = {
        one.token
        for one in attempts
        if one.outcome is Outcome.ACKNOWLEDGED and one.door in ITEM_DOORS
    }
    found.none_of("items missing", acknowledged - by_token.keys())
    found.none_of(
        "items settled wrongly",
        (
            item.token
            for item in readings.items
            if item.state in {"ticketed", "appended"} and item.ticket_id not in readings.tickets
        ),
    )


def _tickets(found: _Findings, readings: Readings) -> None:
    tickets = readings.tickets
    opened = Counter(token for token in tickets.values() if token)
    found.counts["tickets"] = len(tickets)
    found.none_of("tickets doubled", (token for token, count in opened.items() if count > 1))
    found.none_of("clocks armed twice", (t for t, n in readings.armed.items() if n > 1))
    found.none_of("clocks never armed", tickets.keys() - readings.armed.keys())
    found.none_of("clocks armed for nothing", readings.armed.keys() - tickets.keys())
    told = Counter(
        each.ticket_id for each in readings.deliveries if each.template == "acknowledgement"
    )
    found.none_of("acknowledged twice", (t for t, n in told.items() if n > 1))
    found.none_of("never acknowledged", tickets.keys() - told.keys())
    found.none_of("acknowledged for nothing", told.keys() - tickets.keys())


def _mails(found: _Findings, readings: Readings, allowed: Allowed) -> None:
    books = {each.message_id: each for each in readings.deliveries}
    doubled = {identity: count - 1 for identity, count in readings.mails.items() if count > 1}
    found.counts["mails left"] = sum(readings.mails.values())
    found.counts["mails in doubt"] = sum(each.in_doubt for each in readings.deliveries)
    found.counts["mails doubled"] = sum(doubled.values())
    found.counts["mails doubled at most"] = allowed.sending_at_kills
    if sum(doubled.values()) > allowed.sending_at_kills:
        found.violations.append(
            f"mails doubled: {sum(doubled.values())}, but only {allowed.sending_at_kills} were "
            "being sent when notify died"
        )
    found.none_of(
        "mails doubled without doubt",
        (one for one in doubled if one in books and not books[one].in_doubt),
    )
    found.none_of("mails that nobody sent", readings.mails.keys() - books.keys())
    found.none_of(
        "deliveries not accepted",
        (f"{one.message_id} {one.state}" for one in books.values() if one.state != "accepted"),
    )
    found.none_of(
        "mails lost",
        (
            one
            for one, each in books.items()
            if each.state == "accepted" and not readings.mails[one]
        ),
    )


def _histories(found: _Findings, readings: Readings) -> None:
    rows = sum(sum(map(len, each.versions.values())) for each in readings.histories.values())
    found.counts["events"] = rows
    found.none_of(
        "versions with gaps",
        (
            f"{owner} {aggregate} {versions}"
            for owner, history in readings.histories.items()
            for aggregate, versions in history.versions.items()
            if versions != tuple(range(1, len(versions) + 1))
        ),
    )
    found.none_of(
        "heads without events",
        (
            f"{owner} {aggregate}"
            for owner, history in readings.histories.items()
            for aggregate in _differing(history.heads, _newest(history))
        ),
    )
    found.none_of(
        "events unpublished",
        (
            f"{owner} row {number}"
            for owner, history in readings.histories.items()
            for number in range(history.unpublished)
        ),
    )


def _readers(found: _Findings, readings: Readings) -> None:
    for (reader, owner), seen in readings.seen.items():
        heads = readings.histories[owner].heads if owner in readings.histories else {}
        differing = list(_differing(heads, seen))
        if differing:
            found.violations.append(
                f"{reader} has not seen {owner} as it is: {len(differing)} "
                f"({', '.join(differing[:_EXAMPLES])})"
            )
    found.counts["readers behind or ahead"] = sum(
        any(_differing(readings.histories[owner].heads, seen))
        for (_, owner), seen in readings.seen.items()
        if owner in readings.histories
    )


def _projections(found: _Findings, readings: Readings) -> None:
    for name, projection in readings.projections.items():
        found.counts[name] = len(projection.expected)
        found.none_of(
            f"{name} that are wrong",
            (
                f"{key}: {projection.found.get(key, 'nothing')} instead of "
                f"{projection.expected.get(key, 'nothing')}"
                for key in projection.expected.keys() | projection.found.keys()
                if projection.expected.get(key) != projection.found.get(key)
            ),
        )


def _dead(found: _Findings, readings: Readings, allowed: Allowed) -> None:
    dead = Counter((letter.service, letter.reason) for letter in readings.dead)
    found.counts["dead letters"] = sum(dead.values())
    found.counts["dead letters injected"] = sum(allowed.dead_letters.values())
    for key in sorted(dead.keys() | allowed.dead_letters.keys()):
        if dead[key] != allowed.dead_letters[key]:
            service, reason = key
            found.violations.append(
                f"dead letters of {service} ({reason}): {dead[key]} instead of "
                f"{allowed.dead_letters[key]}"
            )


def _newest(history: History) -> dict[str, int]:
    return {aggregate: max(versions) for aggregate, versions in history.versions.items()}


def _differing(one: Versions, other: Versions) -> Iterator[str]:
    for aggregate in sorted(one.keys() | other.keys()):
        if one.get(aggregate) != other.get(aggregate):
            yield f"{aggregate} {one.get(aggregate, 0)} != {other.get(aggregate, 0)}"
