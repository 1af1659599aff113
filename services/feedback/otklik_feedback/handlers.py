"""What feedback does: invites, takes ratings, and remembers what weighs in them."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from otklik_feedback.domain import (
    CountReceived,
    EndEpisode,
    Event,
    Invite,
    RatingGiven,
    RatingLinkInvalid,
    RememberBreach,
    RememberTicket,
    State,
    Survey,
    TicketCommand,
)
from otklik_feedback.ports import Links, UnitOfWork


async def invite(
    unit: UnitOfWork, commands: Sequence[TicketCommand], *, life: timedelta
) -> list[Survey]:
    """Do what a batch of tickets' events asks for, in stream order; return the new surveys.

    A resolution that is told again finds its survey there and asks nobody twice.
    """
    opened = [command for command in commands if isinstance(command, RememberTicket)]
    if opened:
        await unit.records.add_tickets(opened)
    reopened = {command.ticket_id for command in commands if isinstance(command, EndEpisode)}
    known = await unit.surveys.open_of(reopened) if reopened else []
    new: dict[str, tuple[Survey, Event | None]] = {}
    for command in commands:
        if isinstance(command, Invite):
            survey = Survey.of(command, unit.now, life=life)
            new.setdefault(survey.id, (survey, survey.invitation(command)))
        elif isinstance(command, EndEpisode):
            _end(command, [*known, *(survey for survey, _ in new.values())], unit)
    added = await unit.surveys.add([survey for survey, _ in new.values()]) if new else set()
    for survey, event in new.values():
        if event is not None and survey.id in added:
            unit.record(event)
    if known:
        await unit.surveys.save(known)
    return [survey for survey, _ in new.values() if survey.id in added]


async def rate(
    unit: UnitOfWork, links: Links, *, token: str, score: int, comment: str
) -> tuple[Survey, RatingGiven | None]:
    """Take a customer's rating.

    Raises:
        RatingLinkInvalid: the link is none of ours.
        RatingLinkExpired: its time is over.
        RatingSettled: another rating stands.
        InvalidInput: no such score, or a comment that is too long.
    """
    survey = await look(unit, links, token=token)
    given = survey.rate(score, comment, unit.now)
    if given is not None:
        await unit.surveys.save([survey])
        unit.record(given)
    return survey, given


async def look(unit: UnitOfWork, links: Links, *, token: str) -> Survey:
    """Return the survey of a link; looking changes nothing.

    Raises:
        RatingLinkInvalid: the link is none of ours.
        RatingLinkExpired: its time is over.
    """
    survey = await unit.surveys.lock(links.survey_of(token, unit.now))
    if survey is None or survey.state is State.SKIPPED:
        raise RatingLinkInvalid
    return survey


async def count_received(unit: UnitOfWork, commands: Sequence[CountReceived]) -> None:
    """Count what was received."""
    await unit.records.count_received(Counter(commands))


async def remember_breaches(unit: UnitOfWork, commands: Sequence[RememberBreach]) -> None:
    """Remember which tickets were kept waiting."""
    await unit.records.add_breaches(commands)


def _end(command: EndEpisode, surveys: Sequence[Survey], unit: UnitOfWork) -> None:
    for survey in surveys:
        if survey.ticket_id == command.ticket_id:
            survey.end(unit.now)
