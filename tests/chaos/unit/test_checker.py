from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.checker import Allowed, check
from tests.chaos.ledger import TOKEN, Attempt, Ledger, Outcome, read
from tests.chaos.readings import DeadLetter, Delivery, History, Item, Message, Projection, Readings

WRITER = "smtp1"


def attempt(number: int, outcome: Outcome = Outcome.ACKNOWLEDGED, door: str = "smtp") -> Attempt:
    return Attempt(
        token=f"ch000000-{WRITER}-{number:05}",
        writer=WRITER,
        number=number,
        door=door,
        outcome=outcome,
    )


def right(attempts: list[Attempt]) -> Readings:
    """What must be found when each of these attempts became a ticket and all went well."""
    tokens = {f"t{one.number}": one.token for one in attempts}
    history = History(versions=dict.fromkeys(tokens, (1, 2)), heads=dict.fromkeys(tokens, 2))
    return Readings(
        items=tuple(
            Item(state="ticketed", ticket_id=ticket, token=token)
            for ticket, token in tokens.items()
        ),
        tickets=tokens,
        messages=tuple(Message(ticket_id=t, token=token) for t, token in tokens.items()),
        armed=Counter(tokens.keys()),
        deliveries=tuple(
            Delivery(
                message_id=f"<{ticket}>",
                template="acknowledgement",
                ticket_id=ticket,
                state="accepted",
                in_doubt=False,
            )
            for ticket in tokens
        ),
        mails=Counter(f"<{ticket}>" for ticket in tokens),
        histories={"tickets": history},
        seen={("sla", "tickets"): dict.fromkeys(tokens, 2)},
    )


ATTEMPTS = [attempt(number) for number in range(5)]
RIGHT = right(ATTEMPTS)


def without_message(*numbers: int) -> Readings:
    tokens = {attempt(number).token for number in numbers}
    return replace(RIGHT, messages=tuple(m for m in RIGHT.messages if m.token not in tokens))


def violations(readings: Readings, allowed: Allowed | None = None) -> str:
    return "\n".join(check(ATTEMPTS, readings, allowed or Allowed()).violations)


def test_a_run_in_which_everything_arrived_once_is_green():
    verdict = check(ATTEMPTS, RIGHT, Allowed())

    assert verdict.violations == ()
    assert verdict.counts["attempted"] == 5
    assert verdict.counts["acknowledged"] == 5
    assert verdict.counts["mails left"] == 5


@pytest.mark.parametrize(
    ("missing", "place"), [((0, 1), "prefix"), ((2,), "middle"), ((4,), "postfix")]
)
def test_what_was_acknowledged_and_is_not_there_is_lost_where_it_lay(missing, place):
    verdict = check(ATTEMPTS, without_message(*missing), Allowed())

    assert verdict.counts[f"lost {place}"] == len(missing)
    assert f"lost {place}: {len(missing)}" in "\n".join(verdict.violations)


def test_a_writer_of_whom_nothing_is_there_has_lost_everything_at_the_end():
    verdict = check(ATTEMPTS, without_message(0, 1, 2, 3, 4), Allowed())

    assert verdict.counts["lost postfix"] == 5


def test_what_nobody_was_told_about_may_have_arrived_or_not():
    attempts = [*ATTEMPTS, attempt(5, Outcome.UNKNOWN), attempt(6, Outcome.UNKNOWN)]
    readings = right([*ATTEMPTS, attempt(5)])

    verdict = check(attempts, readings, Allowed())

    assert verdict.green
    assert verdict.counts["recovered"] == 1
    assert verdict.counts["unknown"] == 1


def test_what_nobody_ever_sent_is_unexpected():
    assert "unexpected: 1" in violations(right([*ATTEMPTS, attempt(9)]))


def test_a_message_that_was_refused_for_good_is_a_violation():
    verdict = check([attempt(0, Outcome.REFUSED)], Readings(), Allowed())

    assert any(one.startswith("refused: 1") for one in verdict.violations)


def test_one_token_in_two_messages_is_doubled():
    twice = replace(RIGHT, messages=(*RIGHT.messages, RIGHT.messages[0]))

    assert "messages doubled: 1" in violations(twice)


def test_one_token_on_two_tickets_is_doubled():
    twice = replace(RIGHT, tickets={**RIGHT.tickets, "other": ATTEMPTS[0].token})

    assert "tickets doubled: 1" in violations(twice)


def test_one_token_in_two_ledger_items_is_doubled():
    twice = replace(RIGHT, items=(*RIGHT.items, RIGHT.items[0]))

    assert "items doubled: 1" in violations(twice)


def test_an_item_left_pending_is_a_violation():
    pending = (replace(RIGHT.items[0], state="pending"), *RIGHT.items[1:])

    assert "items pending: 1" in violations(replace(RIGHT, items=pending))


def test_an_acknowledged_message_that_is_not_in_the_ledger_is_missing():
    assert "items missing: 1" in violations(replace(RIGHT, items=RIGHT.items[1:]))


def test_an_agents_answer_needs_no_ledger_item():
    answer = attempt(7, door="answer")
    message = Message(ticket_id="t0", token=answer.token)
    readings = replace(RIGHT, messages=(*RIGHT.messages, message))

    assert check([*ATTEMPTS, answer], readings, Allowed()).green


def test_an_item_settled_on_a_ticket_that_does_not_exist_is_wrong():
    wrong = (replace(RIGHT.items[0], ticket_id="nowhere"), *RIGHT.items[1:])

    assert "items settled wrongly: 1" in violations(replace(RIGHT, items=wrong))


@pytest.mark.parametrize(
    ("armed", "said"),
    [
        (Counter(t0=2, t1=1, t2=1, t3=1, t4=1), "clocks armed twice: 1 (t0)"),
        (Counter(t1=1, t2=1, t3=1, t4=1), "clocks never armed: 1 (t0)"),
        (Counter(t0=1, t1=1, t2=1, t3=1, t4=1, x=1), "clocks armed for nothing: 1 (x)"),
    ],
)
def test_clocks_are_armed_exactly_once_for_each_ticket(armed, said):
    assert said in violations(replace(RIGHT, armed=armed))


def test_each_ticket_is_acknowledged_exactly_once():
    again = replace(RIGHT.deliveries[0], message_id="<again>")
    deliveries = (*RIGHT.deliveries[:-1], again)
    mails = Counter(each.message_id for each in deliveries)

    said = violations(replace(RIGHT, deliveries=deliveries, mails=mails))

    assert "acknowledged twice: 1 (t0)" in said
    assert "never acknowledged: 1 (t4)" in said


def doubled(*, in_doubt: bool) -> Readings:
    first = replace(RIGHT.deliveries[0], in_doubt=in_doubt)
    mails = RIGHT.mails + Counter([first.message_id])
    return replace(RIGHT, deliveries=(first, *RIGHT.deliveries[1:]), mails=mails)


def test_a_mail_in_doubt_may_leave_twice_where_notify_died_sending_it():
    verdict = check(ATTEMPTS, doubled(in_doubt=True), Allowed(sending_at_kills=1))

    assert verdict.green
    assert verdict.counts["mails doubled"] == 1


def test_a_mail_may_not_leave_twice_where_nobody_died():
    assert "mails doubled: 1, but only 0" in violations(doubled(in_doubt=True))


def test_a_mail_that_left_twice_without_being_in_doubt_is_a_violation():
    said = violations(doubled(in_doubt=False), Allowed(sending_at_kills=1))

    assert "mails doubled without doubt: 1" in said


def test_a_mail_that_is_in_no_books_is_a_violation():
    readings = replace(RIGHT, mails=RIGHT.mails + Counter(["<stray>"]))

    assert "mails that nobody sent: 1 (<stray>)" in violations(readings)


def test_a_mail_accepted_in_the_books_and_not_in_the_mailbox_is_lost():
    assert "mails lost: 1" in violations(replace(RIGHT, mails=RIGHT.mails - Counter(["<t0>"])))


def test_a_mail_that_still_waits_is_a_violation():
    waiting = (replace(RIGHT.deliveries[0], state="sending"), *RIGHT.deliveries[1:])

    assert "deliveries not accepted: 1" in violations(replace(RIGHT, deliveries=waiting))


@pytest.mark.parametrize("versions", [(1, 3), (2, 1), (1, 1), (2,)])
def test_the_versions_of_an_aggregate_have_no_gap_and_their_order_is_that_of_the_rows(versions):
    history = History(versions={"a": versions}, heads={"a": max(versions)})

    assert "versions with gaps: 1" in violations(replace(RIGHT, histories={"sla": history}))


def test_a_head_beyond_the_events_is_a_violation():
    history = History(versions={"a": (1,)}, heads={"a": 2})

    assert "heads without events: 1" in violations(replace(RIGHT, histories={"sla": history}))


def test_events_that_wait_for_the_relay_are_a_violation():
    history = replace(RIGHT.histories["tickets"], unpublished=2)

    assert "events unpublished: 2" in violations(replace(RIGHT, histories={"tickets": history}))


@pytest.mark.parametrize("seen", [{}, {"t0": 1}, {"t0": 3}])
def test_a_reader_must_have_seen_its_owner_as_it_is(seen):
    readings = replace(
        RIGHT,
        histories={"tickets": History(versions={"t0": (1, 2)}, heads={"t0": 2})},
        seen={("sla", "tickets"): seen},
    )

    assert "sla has not seen tickets as it is: 1" in violations(readings)


@pytest.mark.parametrize("found", [{}, {"a": "2"}, {"a": "1", "b": "1"}])
def test_what_a_reader_keeps_must_be_what_the_history_makes(found):
    wrong = Projection(expected={"a": "1"}, found=found)

    assert "deadlines that are wrong: 1" in violations(
        replace(RIGHT, projections={"deadlines": wrong})
    )


def test_dead_letters_are_exactly_those_injected():
    readings = replace(RIGHT, dead=(DeadLetter(service="sla", stream="S", reason="undecodable"),))

    assert "dead letters of sla (undecodable): 1 instead of 0" in violations(readings)
    injected = Allowed(dead_letters=Counter({("sla", "undecodable"): 1}))
    assert violations(readings, injected) == ""
    twice = Allowed(dead_letters=Counter({("sla", "undecodable"): 2}))
    assert "dead letters of sla (undecodable): 1 instead of 2" in violations(readings, twice)


def test_a_ledger_says_what_was_attempted_even_where_the_end_is_not_known(tmp_path: Path):
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path, run="0a1b2c")
    first = ledger.attempt("smtp1", 1, "smtp")
    second = ledger.attempt("smtp1", 2, "smtp")
    ledger.outcome(first, Outcome.ACKNOWLEDGED, "250 items/1")
    ledger.close()
    with path.open("ab") as file:
        file.write(b'{"outcome": {"token": "ch0a1b2c-sm')

    attempts = read([path])

    assert TOKEN.fullmatch(second.token)
    assert attempts == [
        replace(first, outcome=Outcome.ACKNOWLEDGED, said="250 items/1"),
        replace(second, outcome=Outcome.UNKNOWN),
    ]
