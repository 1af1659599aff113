"""Which promise a ticket gets, and which promises are refused."""

import pytest

from otklik_runtime.errors import InvalidInput
from otklik_sla.domain.calendar import Calendar
from otklik_sla.domain.kinds import ClockKind, StateMeaning
from otklik_sla.domain.policy import Policy, Target, Traits, choose_policy

TICKET = Traits(segment="gold", service="mail", priority="p1", channel="email")


def test_a_policy_without_conditions_matches_any_ticket():
    anyone = Policy(id="anyone")

    assert choose_policy([anyone], TICKET) is anyone


def test_the_policy_with_most_conditions_wins():
    gold = Policy(id="a-gold", segments=frozenset({"gold"}))
    gold_mail = Policy(id="z", segments=frozenset({"gold"}), services=frozenset({"mail", "web"}))

    assert choose_policy([Policy(id="anyone"), gold, gold_mail], TICKET) is gold_mail


def test_a_condition_that_does_not_hold_excludes_a_policy():
    silver = Policy(id="silver", segments=frozenset({"silver"}), channels=frozenset({"email"}))
    by_mail = Policy(id="by-mail", channels=frozenset({"email"}))

    assert choose_policy([silver, by_mail], TICKET) is by_mail


def test_equally_specific_policies_are_chosen_by_id_in_any_order():
    gold = Policy(id="gold", segments=frozenset({"gold"}))
    urgent = Policy(id="urgent", priorities=frozenset({"p1"}))

    assert choose_policy([gold, urgent], TICKET) is gold
    assert choose_policy([urgent, gold], TICKET) is gold


def test_only_the_newest_version_of_a_policy_takes_part():
    wide = Policy(id="gold", version=1)
    narrow = Policy(id="gold", version=2, segments=frozenset({"silver"}))

    assert choose_policy([wide, narrow], TICKET) is None


def test_no_matching_policy_is_said_and_not_invented():
    assert choose_policy([Policy(id="p", services=frozenset({"web"}))], TICKET) is None


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_target_of_zero_or_less_is_refused(seconds):
    with pytest.raises(InvalidInput) as refused:
        Target(kind=ClockKind.RESOLUTION, seconds=seconds, calendar=Calendar())

    assert refused.value.code == "target_not_positive"
    assert refused.value.facts["field"] == "targets.resolution"


def test_a_target_of_nothing_arms_nothing():
    policy = Policy(
        id="p", targets=(Target(kind=ClockKind.UPDATE, seconds=None, calendar=Calendar()),)
    )

    assert policy.target(ClockKind.UPDATE) is None
    assert policy.target(ClockKind.RESOLUTION) is None


def test_two_targets_of_one_kind_are_refused():
    target = Target(kind=ClockKind.UPDATE, seconds=60, calendar=Calendar())

    with pytest.raises(InvalidInput) as refused:
        Policy(id="p", targets=(target, target))

    assert refused.value.code == "target_doubled"


def test_a_clock_pauses_only_while_it_waits_for_somebody():
    with pytest.raises(InvalidInput) as refused:
        Target(
            kind=ClockKind.RESOLUTION,
            seconds=60,
            calendar=Calendar(),
            pauses=frozenset({StateMeaning.OPEN}),
        )

    assert refused.value.code == "pause_invalid"


def test_by_default_supplier_time_counts_for_the_resolution_and_not_for_the_next_response():
    def paused_in(kind):
        return Target(kind=kind, seconds=60, calendar=Calendar()).paused_in

    assert paused_in(ClockKind.FIRST_RESPONSE) == frozenset()
    assert paused_in(ClockKind.RESOLUTION) == {StateMeaning.WAITING_FOR_CUSTOMER}
    assert paused_in(ClockKind.NEXT_RESPONSE) == {
        StateMeaning.WAITING_FOR_CUSTOMER,
        StateMeaning.WAITING_FOR_SUPPLIER,
    }
