from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from otklik_feedback.domain import (
    MAX_COMMENT_CHARACTERS,
    REPLACEABLE,
    Invite,
    RatingGiven,
    RatingLinkExpired,
    RatingLinkInvalid,
    RatingSettled,
    Route,
    State,
    Survey,
)
from otklik_feedback.handlers import invite, look, rate
from otklik_runtime.errors import InvalidInput

LIFE = timedelta(days=30)


@pytest.fixture
async def link(unit, a_resolution) -> str:
    [survey] = await invite(unit, [a_resolution()], life=LIFE)
    unit.events.clear()
    return f"link-{survey.id}"


async def test_a_rating_is_taken_and_said(unit, links, link):
    survey, given = await rate(unit, links, token=link, score=5, comment="Спасибо!")

    assert survey.state is State.RATED
    assert unit.events == [given]
    assert (given.score, given.comment) == (5, "Спасибо!")


async def test_looking_at_the_page_never_rates(unit, links, link):
    for _ in range(3):
        survey = await look(unit, links, token=link)

    assert survey.state is State.INVITED
    assert unit.events == []


async def test_the_same_rating_again_changes_nothing(unit, links, link):
    await rate(unit, links, token=link, score=4, comment="")
    unit.advance(days=10)
    _, again = await rate(unit, links, token=link, score=4, comment="  ")

    assert again is None
    assert len(unit.events) == 1


async def test_another_rating_replaces_the_first_within_three_days(unit, links, link):
    await rate(unit, links, token=link, score=1, comment="плохо")
    unit.advance(hours=71, minutes=59)
    survey, _ = await rate(unit, links, token=link, score=5, comment="")

    assert [event.score for event in unit.events] == [1, 5]
    assert survey.score == 5
    assert survey.comment == ""


async def test_after_three_days_the_rating_stands(unit, links, link):
    await rate(unit, links, token=link, score=1, comment="")
    unit.advance(hours=72)

    with pytest.raises(RatingSettled):
        await rate(unit, links, token=link, score=5, comment="")


async def test_replacing_does_not_prolong_the_three_days(unit, links, link):
    await rate(unit, links, token=link, score=1, comment="")
    unit.advance(hours=71)
    await rate(unit, links, token=link, score=2, comment="")
    unit.advance(hours=1)

    with pytest.raises(RatingSettled):
        await rate(unit, links, token=link, score=3, comment="")


async def test_a_first_rating_after_the_link_expired_is_refused(unit, links, link):
    unit.advance(days=30)

    with pytest.raises(RatingLinkExpired):
        await rate(unit, links, token=link, score=5, comment="")


@pytest.mark.parametrize("token", ["", "link-", "link-unknown", "else"])
async def test_a_link_that_is_none_of_ours_is_refused(unit, links, link, token):
    with pytest.raises(RatingLinkInvalid):
        await rate(unit, links, token=token, score=5, comment="")


async def test_who_was_never_asked_cannot_rate(unit, links, a_resolution):
    [survey] = await invite(unit, [a_resolution(automatic=True)], life=LIFE)

    with pytest.raises(RatingLinkInvalid):
        await rate(unit, links, token=f"link-{survey.id}", score=5, comment="")


@pytest.mark.parametrize("score", [-1, 0, 6, 100])
async def test_there_are_five_scores(unit, links, link, score):
    with pytest.raises(InvalidInput, match="score_invalid"):
        await rate(unit, links, token=link, score=score, comment="")


async def test_a_comment_that_is_too_long_is_refused_whole(unit, links, link):
    with pytest.raises(InvalidInput, match="comment_too_long"):
        await rate(unit, links, token=link, score=5, comment="x" * (MAX_COMMENT_CHARACTERS + 1))

    assert unit.events == []


async def test_a_comment_keeps_its_lines_and_loses_what_cannot_be_seen(unit, links, link):
    _, given = await rate(unit, links, token=link, score=5, comment=" один\r\nдва\x00\x07\rтри ")

    assert given.comment == "один\nдва\nтри"


async def test_a_reopened_tickets_rating_can_still_be_given(unit, links, link):
    [survey] = unit.surveys.rows.values()
    survey.end(unit.now)
    _, given = await rate(unit, links, token=link, score=2, comment="")

    assert given is not None


class RatingMachine(RuleBasedStateMachine):
    """A customer who rates whatever, whenever."""

    @initialize()
    def invited(self) -> None:
        self.start = self.now = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
        command = Invite(
            ticket_id="t",
            ticket_number="OT-1",
            conversation_id="c",
            episode=1,
            customer_id="u",
            agent_id="a",
            locale="ru",
            route=Route(channel="email", account="channelAccounts/x", address="a@b.c"),
            subject="",
            in_reply_to="",
            automatic=False,
        )
        self.survey = Survey.of(command, self.now, life=LIFE)
        self.said: list[tuple[datetime, RatingGiven]] = []

    @rule(hours=st.integers(min_value=1, max_value=200))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(score=st.integers(min_value=1, max_value=5), comment=st.sampled_from(["", "a", "b"]))
    def rates(self, score: int, comment: str) -> None:
        before = (self.survey.score, self.survey.comment)
        first = self.said[0][0] if self.said else None
        try:
            given = self.survey.rate(score, comment, self.now)
        except RatingSettled:
            assert first is not None
            assert self.now >= first + REPLACEABLE
            assert before == (self.survey.score, self.survey.comment)
        except RatingLinkExpired:
            assert self.now >= self.start + LIFE
        else:
            if given is not None:
                assert before != (score, comment)
                self.said.append((self.now, given))

    @invariant()
    def what_was_said_last_is_what_stands(self) -> None:
        if self.said:
            last = self.said[-1][1]
            assert (self.survey.score, self.survey.comment) == (last.score, last.comment)
            assert self.survey.state is State.RATED
        else:
            assert self.survey.state is State.INVITED

    @invariant()
    def nothing_is_said_after_it_stands(self) -> None:
        if self.said:
            assert all(at < self.said[0][0] + REPLACEABLE for at, _ in self.said)


RatingMachine.TestCase.settings = settings(max_examples=100, deadline=None)
TestRatingMachine = RatingMachine.TestCase
