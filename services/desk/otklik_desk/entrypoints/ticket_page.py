"""The page of one ticket: conversation, facts, and a form for everything that may be done now."""

import asyncio

from fastapi import Request, Response

from otklik_desk.domain.people import Admission
from otklik_desk.domain.tickets import AuthorKind, Message, Move, StateMeaning, Ticket
from otklik_desk.entrypoints.forms import ANSWER, NOTE, OWN, RESOLVE, TAKE, Form
from otklik_desk.entrypoints.pages import Pages
from otklik_desk.entrypoints.sessions import Sessions
from otklik_desk.handlers.reading import ConversationView, read_conversation, read_facts
from otklik_desk.ports import Services

# What the state matrix may ask for and a form can give.
_GIVEN = frozenset({"resolution_text", "reason"})
_WORKERS = ("agent", "lead")


class TicketPage:
    """Makes the page."""

    def __init__(self, *, pages: Pages, sessions: Sessions) -> None:
        self._pages = pages
        self._sessions = sessions

    async def show(
        self,
        request: Request,
        person: Admission,
        services: Services,
        ticket_id: str,
        *,
        came_back: Form | None = None,
        status: int = 200,
    ) -> Response:
        """Show a ticket, and a form that came back with what is wrong."""
        ticket = await services.ticket(ticket_id)
        conversation, facts = await asyncio.gather(
            read_conversation(services, ticket), read_facts(services, ticket)
        )
        works = person.has_role(*_WORKERS)
        return self._pages.page(
            request,
            "ticket.html",
            say=self._pages.speech(request, person, zones=[clock.zone for clock in facts.clocks]),
            person=person,
            status=status,
            here=f"/tickets/{ticket_id}",
            mark=self._sessions.form_mark(person),
            account=conversation.agents.get(person.id, ""),
            ticket=ticket,
            conversation=conversation,
            facts=facts,
            missing=conversation.missing | facts.missing,
            moves=_moves(ticket) if works else [],
            forms=_forms(ticket, came_back) if works else {},
            came_back=came_back,
            news=_news(conversation, came_back),
        )


def _moves(ticket: Ticket) -> list[Move]:
    """List the acts that do nothing but move the ticket, and that a form can do."""
    return [
        move for move in ticket.moves if move.act not in OWN and _GIVEN.issuperset(move.requires)
    ]


def _forms(ticket: Ticket, came_back: Form | None) -> dict[str, Form]:
    """Make the forms of the page; the one that came back keeps what was typed."""
    acts = [NOTE]
    if ticket.meaning is not StateMeaning.CLOSED:
        acts.append(ANSWER)
    if not ticket.assignee_id and not ticket.meaning.over:
        acts.append(TAKE)
    acts += [move.act for move in ticket.moves if move.act == RESOLVE or move.act not in OWN]
    if came_back is not None and came_back.act not in acts:
        # What may not be done any more keeps its text all the same.
        acts.append(came_back.act)
    forms = {
        act: Form(act=act, etag=ticket.etag, seen=ticket.last_customer_message) for act in acts
    }
    if came_back is not None:
        fresh = forms[came_back.act]
        forms[came_back.act] = Form(
            act=came_back.act,
            text=came_back.text,
            request_id=came_back.request_id,
            # Whoever sends it again has seen what is shown now.
            etag=fresh.etag,
            seen=fresh.seen,
            fault=came_back.fault,
            refusal=came_back.refusal,
            facts=came_back.facts,
        )
    return forms


def _news(conversation: ConversationView, came_back: Form | None) -> list[Message]:
    """Give what the customer wrote after the writer of a form last looked."""
    if came_back is None or not came_back.seen:
        return []
    names = [message.name for message in conversation.messages]
    if came_back.seen not in names:
        return []
    later = conversation.messages[names.index(came_back.seen) + 1 :]
    return [message for message in later if message.author is not AuthorKind.AGENT]
