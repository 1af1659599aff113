"""What agents do with a ticket, and what they may not."""

import pytest

from otklik_runtime import ids
from otklik_tickets.domain import events
from otklik_tickets.domain.commands import (
    AddInternalNote,
    ResolveTicket,
    SendPublicMessage,
    TakeTicket,
    TransitionTicket,
    Worker,
)
from otklik_tickets.domain.errors import (
    ActHasItsOwnMethod,
    CustomerWroteAgain,
    EtagMismatch,
    TicketClosed,
    TicketNotFound,
    TicketTaken,
    TransitionNotAllowed,
)
from otklik_tickets.domain.staff import Agent
from otklik_tickets.handlers import (
    add_internal_note,
    open_or_append,
    resolve_ticket,
    send_public_message,
    take_ticket,
    transition_ticket,
)


@pytest.fixture
async def ticket(unit, a_mail):
    await open_or_append(unit, [a_mail()])
    unit.heard()
    return unit.only_ticket()


@pytest.fixture
def by(an_agent):
    return Worker(agent_id=an_agent.id, roles=frozenset({"agent"}))


@pytest.fixture
def another(unit):
    agent = Agent(
        id=ids.new_id(),
        display_name="Boris",
        subject="boris",
        roles=("agent",),
        locale="ru",
        created_at=unit.now,
    )
    unit.directory.agents[agent.id] = agent
    return Worker(agent_id=agent.id, roles=frozenset({"agent"}))


async def test_an_answer_says_message_sent_and_moves_a_new_ticket_on(unit, ticket, by):
    message = await send_public_message(
        unit, SendPublicMessage(ticket_id=ticket.id, by=by, text="Смотрим")
    )

    [sent, moved] = unit.heard()
    assert isinstance(sent, events.MessageSent)
    assert (sent.message_id, sent.text) == (message.id, "Смотрим")
    assert sent.in_reply_to == ticket.internet_message_id
    assert sent.reply_route == ticket.reply_route
    assert sent.author_display_name == "Anna"
    assert (moved.act, moved.to_state) == ("answer", "in_progress")
    assert message.delivery_state == "queued"


async def test_an_answer_to_an_older_message_than_the_newest_is_refused(unit, a_mail, ticket, by):
    seen = ticket.last_customer_message_id
    reply = a_mail(conversation_id=ticket.conversation_id)
    await open_or_append(unit, [reply])
    unit.heard()

    with pytest.raises(CustomerWroteAgain) as refused:
        await send_public_message(
            unit,
            SendPublicMessage(
                ticket_id=ticket.id, by=by, text="Смотрим", last_customer_message_id=seen
            ),
        )

    newest = f"tickets/{ticket.id}/publicMessages/{reply.item_id}"
    assert refused.value.facts["last_customer_message"] == newest
    assert unit.heard() == []


async def test_an_automatic_reply_does_not_stop_an_answer(unit, a_mail, ticket, by):
    seen = ticket.last_customer_message_id
    await open_or_append(unit, [a_mail(conversation_id=ticket.conversation_id, automatic=True)])

    await send_public_message(
        unit,
        SendPublicMessage(
            ticket_id=ticket.id, by=by, text="Смотрим", last_customer_message_id=seen
        ),
    )

    assert len(unit.heard(events.MessageSent)) == 1


async def test_a_note_is_kept_for_the_desk_and_said_to_nobody(unit, ticket, by):
    await add_internal_note(unit, AddInternalNote(ticket_id=ticket.id, by=by, text="Не говорить"))

    assert [note.text for note in unit.tickets.notes] == ["Не говорить"]
    assert unit.heard() == []
    assert all(message.text != "Не говорить" for message in unit.tickets.messages.values())


async def test_taking_a_ticket_assigns_and_moves_it(unit, ticket, by):
    shown = await take_ticket(unit, TakeTicket(ticket_id=ticket.id, by=by))

    [assigned, moved] = unit.heard()
    assert isinstance(assigned, events.TicketAssigned)
    assert (assigned.agent_id, assigned.previous_agent_id) == (by.agent_id, "")
    assert moved.to_state == "in_progress"
    assert [move.act for move in shown.allowed] == ["wait_for_customer", "resolve"]


async def test_a_ticket_is_taken_by_one_agent(unit, ticket, by, another):
    await take_ticket(unit, TakeTicket(ticket_id=ticket.id, by=by))

    with pytest.raises(TicketTaken) as refused:
        await take_ticket(unit, TakeTicket(ticket_id=ticket.id, by=another))

    assert refused.value.facts["assignee"] == f"agents/{by.agent_id}"


async def test_taking_ones_own_ticket_again_changes_nothing(unit, ticket, by):
    first = await take_ticket(unit, TakeTicket(ticket_id=ticket.id, by=by))
    unit.heard()

    again = await take_ticket(unit, TakeTicket(ticket_id=ticket.id, by=by))

    assert again.ticket.etag == first.ticket.etag
    assert unit.heard() == []


async def test_a_change_by_somebody_who_saw_an_older_state_is_refused(unit, ticket, by):
    await send_public_message(unit, SendPublicMessage(ticket_id=ticket.id, by=by, text="Смотрим"))

    with pytest.raises(EtagMismatch):
        await take_ticket(unit, TakeTicket(ticket_id=ticket.id, by=by, etag=ticket.etag))


async def test_resolving_tells_the_customer_how(unit, ticket, by):
    await take_ticket(unit, TakeTicket(ticket_id=ticket.id, by=by))
    unit.heard()

    await resolve_ticket(unit, ResolveTicket(ticket_id=ticket.id, by=by, resolution_text="Готово"))

    [said] = unit.heard()
    assert isinstance(said, events.TicketResolved)
    assert (said.episode, said.resolution_text, said.state) == (1, "Готово", "resolved")
    assert said.agent_id == by.agent_id
    assert unit.tickets.messages[said.message_id].text == "Готово"
    assert unit.only_ticket().resolved_at == unit.now


async def test_each_resolution_is_an_episode_of_its_own(unit, a_mail, ticket, by):
    resolve = ResolveTicket(ticket_id=ticket.id, by=by, resolution_text="Готово")
    await take_ticket(unit, TakeTicket(ticket_id=ticket.id, by=by))
    await resolve_ticket(unit, resolve)
    await open_or_append(unit, [a_mail(conversation_id=ticket.conversation_id)])

    await resolve_ticket(unit, resolve)

    assert [said.episode for said in unit.heard(events.TicketResolved)] == [1, 2]


async def test_resolving_without_words_names_what_is_missing(unit, ticket, by):
    await take_ticket(unit, TakeTicket(ticket_id=ticket.id, by=by))

    with pytest.raises(TransitionNotAllowed) as refused:
        await resolve_ticket(unit, ResolveTicket(ticket_id=ticket.id, by=by, resolution_text="  "))

    assert refused.value.code == "transition_not_allowed"
    assert refused.value.facts["missing"] == "resolution_text"


async def test_resolving_a_ticket_nobody_took_names_what_is_allowed(unit, ticket, by):
    with pytest.raises(TransitionNotAllowed) as refused:
        await resolve_ticket(
            unit, ResolveTicket(ticket_id=ticket.id, by=by, resolution_text="Готово")
        )

    assert refused.value.facts["allowed"] == "take, answer"


async def test_a_closed_ticket_takes_no_answer(unit, ticket, by):
    await take_ticket(unit, TakeTicket(ticket_id=ticket.id, by=by))
    await resolve_ticket(unit, ResolveTicket(ticket_id=ticket.id, by=by, resolution_text="Да"))
    await transition_ticket(unit, TransitionTicket(ticket_id=ticket.id, by=by, act="close"))

    with pytest.raises(TicketClosed):
        await send_public_message(
            unit, SendPublicMessage(ticket_id=ticket.id, by=by, text="Ещё кое-что")
        )


async def test_an_agent_may_reopen_what_was_resolved(unit, ticket, by):
    await take_ticket(unit, TakeTicket(ticket_id=ticket.id, by=by))
    await resolve_ticket(unit, ResolveTicket(ticket_id=ticket.id, by=by, resolution_text="Да"))
    unit.heard()

    await transition_ticket(unit, TransitionTicket(ticket_id=ticket.id, by=by, act="reopen"))

    [said] = unit.heard()
    assert isinstance(said, events.TicketReopened)
    assert said.message_id == ""


@pytest.mark.parametrize("act", ["take", "answer", "resolve"])
async def test_an_act_with_its_own_method_is_not_made_as_a_bare_move(unit, ticket, by, act):
    with pytest.raises(ActHasItsOwnMethod):
        await transition_ticket(unit, TransitionTicket(ticket_id=ticket.id, by=by, act=act))


async def test_the_customers_acts_are_not_the_agents(unit, ticket, by):
    await take_ticket(unit, TakeTicket(ticket_id=ticket.id, by=by))
    waiting = TransitionTicket(
        ticket_id=ticket.id, by=by, act="wait_for_customer", reason="Какая версия?"
    )
    await transition_ticket(unit, waiting)

    with pytest.raises(TransitionNotAllowed):
        await transition_ticket(
            unit, TransitionTicket(ticket_id=ticket.id, by=by, act="customer_wrote")
        )


async def test_a_ticket_that_is_not_there_is_not_found(unit, by):
    with pytest.raises(TicketNotFound):
        await take_ticket(unit, TakeTicket(ticket_id=ids.new_id(), by=by))
