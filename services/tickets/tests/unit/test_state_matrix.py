"""State matrices: what makes one sound, and what no sound one can do to a ticket."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otklik_runtime.errors import InvalidInput
from otklik_tickets.domain.errors import TransitionNotAllowed
from otklik_tickets.domain.lifecycle import State, StateMatrix, StateMeaning, Transition
from otklik_tickets.domain.texts import LocalizedText

ROLES = ("agent", "lead", "customer", "service")
WORDS = LocalizedText(ru="слово", en="word")


def state(key, meaning=StateMeaning.OPEN, *, initial=False):
    return State(key=key, display_name=WORDS, meaning=meaning, initial=initial)


def move(act, before, after, *roles, requires=()):
    return Transition(
        act=act, from_state=before, to_state=after, roles=roles or ("agent",), requires=requires
    )


STATES = (
    state("new", initial=True),
    state("resolved", StateMeaning.RESOLVED),
    state("closed", StateMeaning.CLOSED),
)
MOVES = (
    move("resolve", "new", "resolved"),
    move("reopen", "resolved", "new", "customer"),
    move("close", "resolved", "closed"),
)


def refused(states=STATES, moves=MOVES):
    with pytest.raises(InvalidInput) as error:
        StateMatrix.of(states, moves)
    assert error.value.code == "state_matrix"
    return error.value


def test_the_smallest_sound_matrix_is_accepted():
    matrix = StateMatrix.of(STATES, MOVES)

    assert matrix.initial.key == "new"


def test_a_state_given_twice_is_refused():
    assert refused((*STATES, state("new"))).facts["state"] == "new"


def test_a_matrix_without_an_initial_state_is_refused():
    refused((replace(STATES[0], initial=False), *STATES[1:]))


def test_a_matrix_with_two_initial_states_is_refused():
    refused((*STATES, state("other", initial=True)))


def test_a_ticket_cannot_begin_resolved():
    refused((replace(STATES[0], meaning=StateMeaning.WAITING_FOR_CUSTOMER), *STATES[1:]))


def test_a_move_to_an_unknown_state_is_named():
    assert refused(moves=(*MOVES, move("lose", "new", "nowhere"))).facts["state"] == "nowhere"


def test_one_act_that_leads_two_ways_is_refused():
    assert refused(moves=(*MOVES, move("close", "resolved", "new"))).facts["state"] == "resolved"


def test_an_orphan_is_named():
    assert refused((*STATES, state("island", StateMeaning.CLOSED))).facts["state"] == "island"


def test_a_state_without_a_way_out_is_a_dead_end():
    dead = refused((*STATES, state("stuck")), (*MOVES, move("stick", "new", "stuck")))

    assert dead.facts["state"] == "stuck"


def test_a_circle_that_nothing_resolved_is_reached_from_is_a_dead_end():
    states = (*STATES, state("here"), state("there"))
    moves = (
        *MOVES,
        move("enter", "new", "here"),
        move("go", "here", "there"),
        move("come", "there", "here"),
    )

    assert refused(states, moves).facts["state"] == "here"


def test_a_closed_state_may_be_an_end():
    assert StateMatrix.of(STATES, MOVES).allowed("closed", ROLES) == []


def test_only_the_act_resolve_leads_to_a_resolved_state():
    refused(moves=(*MOVES, move("forget", "new", "resolved")))


def test_resolve_leads_nowhere_else():
    refused(moves=(move("resolve", "new", "closed"), *MOVES[1:]))


def test_a_resolved_state_that_a_reply_cannot_open_again_is_refused():
    moves = (MOVES[0], move("reopen", "resolved", "new", "agent"), MOVES[2])

    assert refused(moves=moves).facts["state"] == "resolved"


def test_a_role_that_may_not_is_told_what_it_may():
    matrix = StateMatrix.of(STATES, MOVES)

    with pytest.raises(TransitionNotAllowed) as error:
        matrix.require("close", "resolved", ("customer",), ())

    assert error.value.facts["allowed"] == "reopen"


def test_what_is_missing_is_named():
    moves = (replace(MOVES[0], requires=("resolution_text",)), *MOVES[1:])
    matrix = StateMatrix.of(STATES, moves)

    with pytest.raises(TransitionNotAllowed) as error:
        matrix.require("resolve", "new", ("agent",), ())

    assert error.value.facts["missing"] == "resolution_text"


KEYS = [f"s{number}" for number in range(5)]
ANY_STATES = st.lists(
    st.builds(
        State,
        key=st.sampled_from(KEYS),
        display_name=st.just(WORDS),
        meaning=st.sampled_from(StateMeaning),
        initial=st.booleans(),
    ),
    min_size=2,
    max_size=5,
    unique_by=lambda each: each.key,
)
ANY_MOVES = st.lists(
    st.builds(
        Transition,
        act=st.sampled_from(["take", "resolve", "reopen", "close", "customer_wrote"]),
        from_state=st.sampled_from(KEYS),
        to_state=st.sampled_from(KEYS),
        roles=st.lists(st.sampled_from(ROLES), min_size=1, unique=True).map(tuple),
        requires=st.just(()),
    ),
    max_size=12,
)


@st.composite
def sound_parts(draw):
    """Grow the smallest sound matrix by states that can be reached and left, and by any moves."""
    live = (StateMeaning.OPEN, StateMeaning.WAITING_FOR_CUSTOMER, StateMeaning.WAITING_FOR_SUPPLIER)
    states, moves = list(STATES), list(MOVES)
    for number, meaning in enumerate(draw(st.lists(st.sampled_from(StateMeaning), max_size=4))):
        key = f"extra_{number}"
        states.append(state(key, meaning))
        if meaning in live:
            moves.append(move(f"to_{key}", "new", key, *draw(st.sets(st.sampled_from(ROLES)))))
            moves.append(move("resolve", key, "resolved"))
        elif meaning is StateMeaning.RESOLVED:
            moves.append(move(f"to_{key}", "resolved", key))
            moves.append(move("reopen", key, "new", "customer"))
        else:
            moves.append(move(f"to_{key}", "resolved", key))
    targets = [each.key for each in states if each.meaning is not StateMeaning.RESOLVED]
    for number in range(draw(st.integers(0, 6))):
        before = draw(st.sampled_from([each.key for each in states]))
        after = draw(st.sampled_from(targets))
        roles = draw(st.sets(st.sampled_from(ROLES)))
        moves.append(move(f"more_{number}", before, after, *roles))
    return draw(st.permutations(states)), draw(st.permutations(moves))


def check(matrix):
    reached, frontier = {matrix.initial.key}, [matrix.initial.key]
    while frontier:
        for each in matrix.allowed(frontier.pop(), ROLES):
            if each.to_state not in reached:
                reached.add(each.to_state)
                frontier.append(each.to_state)
    assert reached == set(matrix.states)
    assert sum(each.initial for each in matrix.states.values()) == 1
    for key, each in matrix.states.items():
        if each.meaning is not StateMeaning.CLOSED:
            assert any(found.to_state != key for found in matrix.allowed(key, ROLES))
        if each.meaning is StateMeaning.RESOLVED:
            reopened = matrix.customer_writes(key)
            assert reopened is not None
            assert not matrix.states[reopened.to_state].meaning.over


@given(states=ANY_STATES, moves=ANY_MOVES)
def test_whatever_is_given_is_refused_or_sound(states, moves):
    try:
        matrix = StateMatrix.of(states, moves)
    except InvalidInput:
        return
    check(matrix)


@given(parts=sound_parts())
def test_every_matrix_that_is_sound_is_accepted(parts):
    check(StateMatrix.of(*parts))


@given(
    parts=sound_parts(),
    path=st.lists(st.tuples(st.integers(0, 99), st.sampled_from(ROLES)), max_size=20),
)
def test_whatever_is_allowed_can_be_done_and_whatever_is_not_is_refused(parts, path):
    matrix = StateMatrix.of(*parts)
    here = matrix.initial.key

    for choice, role in path:
        allowed = matrix.allowed(here, (role,))
        acts = {each.act for each in allowed}
        for act in {each.act for each in matrix.transitions} - acts:
            with pytest.raises(TransitionNotAllowed):
                matrix.require(act, here, (role,), ())
        if allowed:
            chosen = allowed[choice % len(allowed)]
            assert matrix.require(chosen.act, here, (role,), ()) == chosen
            here = chosen.to_state
