"""The states a ticket goes through and the moves between them: data that the organisation writes.

The engine itself makes five of the acts: `take`, `answer`, `resolve`, `customer_wrote` and
`reopen`. It looks them up here like any other, so a matrix that does not have one decides that
nothing moves.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from otklik_runtime.errors import InvalidInput
from otklik_tickets.domain.errors import TransitionNotAllowed
from otklik_tickets.domain.texts import LocalizedText

TAKE = "take"
ANSWER = "answer"
RESOLVE = "resolve"
CUSTOMER_WROTE = "customer_wrote"
REOPEN = "reopen"

_CUSTOMER = ("customer",)


class StateMeaning(IntEnum):
    """What a state means to clocks and lists; the numbers are those of the contract."""

    OPEN = 1
    WAITING_FOR_CUSTOMER = 2
    WAITING_FOR_SUPPLIER = 3
    RESOLVED = 4
    CLOSED = 5

    @property
    def over(self) -> bool:
        """Nobody has to do anything about such a ticket."""
        return self >= StateMeaning.RESOLVED


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """One state of a request type."""

    key: str
    display_name: LocalizedText
    meaning: StateMeaning
    initial: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """One allowed move: who may make it and what must be given."""

    act: str
    from_state: str
    to_state: str
    roles: tuple[str, ...]
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StateMatrix:
    """The states of one request type and the moves between them, known to be sound."""

    states: Mapping[str, State]
    transitions: Sequence[Transition]
    initial: State
    _moves: Mapping[str, Mapping[str, Transition]] = field(repr=False, compare=False)

    @classmethod
    def of(cls, states: Sequence[State], transitions: Sequence[Transition]) -> "StateMatrix":
        """Make a matrix, and refuse one in which a ticket could get lost or stuck."""
        by_key = _unique_states(states)
        moves = _unique_moves(by_key, transitions)
        initial = _only_initial(states)
        _refuse_orphans(by_key, moves, initial)
        _refuse_dead_ends(by_key, moves)
        _refuse_silent_resolutions(by_key, transitions)
        matrix = cls(states=by_key, transitions=tuple(transitions), initial=initial, _moves=moves)
        _refuse_unanswerable_resolutions(matrix)
        return matrix

    def find(self, act: str, from_state: str, roles: Collection[str]) -> Transition | None:
        """The move this act makes from this state for these roles, if there is one."""
        transition = self._moves.get(from_state, {}).get(act)
        if transition is None or not _may(transition, roles):
            return None
        return transition

    def customer_writes(self, from_state: str) -> Transition | None:
        """The move a customer's message makes: it reopens what was resolved, ends a waiting."""
        reopening = self.states[from_state].meaning is StateMeaning.RESOLVED
        acts = (REOPEN, CUSTOMER_WROTE) if reopening else (CUSTOMER_WROTE,)
        for act in acts:
            transition = self.find(act, from_state, _CUSTOMER)
            if transition is not None:
                return transition
        return None

    def allowed(self, from_state: str, roles: Collection[str]) -> list[Transition]:
        """Every move somebody with these roles may make from this state."""
        moves = self._moves.get(from_state, {})
        return [transition for transition in moves.values() if _may(transition, roles)]

    def require(
        self, act: str, from_state: str, roles: Collection[str], given: Collection[str]
    ) -> Transition:
        """The move this act makes from this state, or the fact that it may not be made.

        Args:
            act: The act's key.
            from_state: The state it would lead from.
            roles: The roles of whoever acts.
            given: What they give: `resolution_text`, `reason`.
        """
        transition = self.find(act, from_state, roles)
        missing = [what for what in transition.requires if what not in given] if transition else []
        if transition is None or missing:
            allowed = [move.act for move in self.allowed(from_state, roles)]
            raise TransitionNotAllowed(act, from_state, missing=missing, allowed=allowed)
        return transition


def _may(transition: Transition, roles: Collection[str]) -> bool:
    return any(role in roles for role in transition.roles)


def _unique_states(states: Sequence[State]) -> dict[str, State]:
    by_key: dict[str, State] = {}
    for state in states:
        if state.key in by_key:
            raise _unsound(f"The state {state.key} is given twice.", "states", state.key)
        by_key[state.key] = state
    return by_key


def _unique_moves(
    states: Mapping[str, State], transitions: Iterable[Transition]
) -> dict[str, dict[str, Transition]]:
    moves: dict[str, dict[str, Transition]] = {key: {} for key in states}
    for transition in transitions:
        for key in (transition.from_state, transition.to_state):
            if key not in states:
                raise _unsound(
                    f"The act {transition.act} names {key}, which is not among the states.",
                    "transitions",
                    key,
                )
        if transition.act in moves[transition.from_state]:
            raise _unsound(
                f"The act {transition.act} leads from {transition.from_state} twice.",
                "transitions",
                transition.from_state,
            )
        moves[transition.from_state][transition.act] = transition
    return moves


def _only_initial(states: Sequence[State]) -> State:
    initial = [state for state in states if state.initial]
    if len(initial) != 1:
        keys = ", ".join(state.key for state in initial) or "none"
        raise _unsound(f"Exactly one state must be initial; here: {keys}.", "states", keys)
    if initial[0].meaning is not StateMeaning.OPEN:
        raise _unsound(
            f"The initial state {initial[0].key} must mean open: a new ticket needs somebody.",
            "states",
            initial[0].key,
        )
    return initial[0]


def _refuse_orphans(
    states: Mapping[str, State], moves: Mapping[str, Mapping[str, Transition]], initial: State
) -> None:
    reached = {initial.key}
    frontier = [initial.key]
    while frontier:
        for transition in moves[frontier.pop()].values():
            if transition.to_state not in reached:
                reached.add(transition.to_state)
                frontier.append(transition.to_state)
    for key in states:
        if key not in reached:
            raise _unsound(f"No move ever leads to the state {key}.", "states", key)


def _refuse_dead_ends(
    states: Mapping[str, State], moves: Mapping[str, Mapping[str, Transition]]
) -> None:
    ends = {key for key, state in states.items() if state.meaning.over}
    leading = set(ends)
    grown = True
    while grown:
        grown = False
        for key in states:
            if key not in leading and any(
                transition.to_state in leading for transition in moves[key].values()
            ):
                leading.add(key)
                grown = True
    for key, state in states.items():
        stuck = not any(move.to_state != key for move in moves[key].values())
        if state.meaning is not StateMeaning.CLOSED and (stuck or key not in leading):
            raise _unsound(
                f"The state {key} is a dead end: nothing resolved or closed is reached from it.",
                "transitions",
                key,
            )


def _refuse_silent_resolutions(
    states: Mapping[str, State], transitions: Iterable[Transition]
) -> None:
    for move in transitions:
        resolves = states[move.to_state].meaning is StateMeaning.RESOLVED
        was_resolved = states[move.from_state].meaning is StateMeaning.RESOLVED
        if resolves != (move.act == RESOLVE) and not (resolves and was_resolved):
            raise _unsound(
                f"The act {RESOLVE}, and no other, leads to a resolved state. "
                f"Here {move.act} leads from {move.from_state} to {move.to_state}.",
                "transitions",
                move.from_state,
            )


def _refuse_unanswerable_resolutions(matrix: StateMatrix) -> None:
    for key, state in matrix.states.items():
        if state.meaning is not StateMeaning.RESOLVED:
            continue
        transition = matrix.customer_writes(key)
        if transition is None or matrix.states[transition.to_state].meaning.over:
            raise _unsound(
                f"A customer's reply must open {key} again: add the act {REOPEN} from it.",
                "transitions",
                key,
            )


def _unsound(sentence: str, part: str, state: str) -> InvalidInput:
    return InvalidInput("state_matrix", sentence, field=f"request_type.{part}", state=state)
