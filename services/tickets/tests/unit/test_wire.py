"""The domain and the contract say the same."""

from datetime import UTC, datetime

import protovalidate
import pytest
from google.protobuf.json_format import MessageToDict

from otklik.intake.v1 import events_pb2 as intake
from otklik.notify.v1 import events_pb2 as notify
from otklik.sla.v1 import clock_pb2
from otklik.sla.v1 import events_pb2 as sla
from otklik.tickets.v1 import events_pb2, ticket_pb2
from otklik.type.v1 import actor_pb2, channel_pb2
from otklik_runtime import ids, instants
from otklik_runtime.envelope import Incoming
from otklik_runtime.errors import InvalidInput
from otklik_tickets.domain.actors import ActorKind
from otklik_tickets.domain.channels import Channel
from otklik_tickets.domain.commands import (
    ResolveTicket,
    SendPublicMessage,
    TakeTicket,
    TransitionTicket,
    Worker,
)
from otklik_tickets.domain.lifecycle import StateMeaning
from otklik_tickets.domain.priority import Level, Priority
from otklik_tickets.domain.shown import RecordedEvent
from otklik_tickets.handlers import (
    open_or_append,
    resolve_ticket,
    send_public_message,
    take_ticket,
    transition_ticket,
)
from otklik_tickets.wire import event_message, heard
from otklik_tickets.wire.scalars import actor_of, id_of, message_id_of
from otklik_tickets.wire.ticket_events import ticket_events

NOON = datetime(2025, 3, 12, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ours", "theirs", "prefix"),
    [
        (Channel, channel_pb2.Channel, "CHANNEL_"),
        (ActorKind, actor_pb2.ActorKind, "ACTOR_KIND_"),
        (Level, ticket_pb2.Level, "LEVEL_"),
        (Priority, ticket_pb2.Priority, "PRIORITY_"),
        (StateMeaning, ticket_pb2.StateMeaning, "STATE_MEANING_"),
    ],
)
def test_the_domains_enumerations_have_the_contracts_numbers(ours, theirs, prefix):
    contract = {name.removeprefix(prefix): number for name, number in theirs.items() if number != 0}

    assert contract == {member.name: member.value for member in ours}


def incoming(message):
    return Incoming(
        event_id=ids.new_id(),
        type=message.DESCRIPTOR.full_name,
        message=message,
        aggregate_id=ids.new_id(),
        version=1,
        occurred_at=NOON,
        recorded_at=NOON,
        actor="service/intake",
        traceparent="",
        stream="OTKLIK_INTAKE",
        sequence=1,
        delivery_count=1,
    )


async def test_every_event_of_a_tickets_life_is_a_valid_message(unit, a_mail, an_agent):
    said = await _a_life(unit, a_mail, an_agent)

    for event in said:
        protovalidate.validate(event_message(event))
    assert {type(event_message(event)) for event in said} == {
        events_pb2.CustomerChanged,
        events_pb2.TicketOpened,
        events_pb2.MessageAppended,
        events_pb2.MessageRejected,
        events_pb2.MessageSent,
        events_pb2.TicketAssigned,
        events_pb2.TicketStateChanged,
        events_pb2.TicketResolved,
        events_pb2.TicketReopened,
    }


async def _a_life(unit, a_mail, an_agent):
    mail = a_mail()
    partner = {"channel": Channel.PARTNER_API, "partner_id": ids.new_id()}
    await open_or_append(unit, [mail, a_mail(service="services/none", **partner)])
    by = Worker(agent_id=an_agent.id, roles=frozenset({"agent"}))
    ticket_id = unit.only_ticket().id
    await take_ticket(unit, TakeTicket(ticket_id=ticket_id, by=by))
    await send_public_message(unit, SendPublicMessage(ticket_id=ticket_id, by=by, text="Смотрим"))
    await transition_ticket(
        unit,
        TransitionTicket(ticket_id=ticket_id, by=by, act="wait_for_customer", reason="Версия?"),
    )
    await resolve_ticket(unit, ResolveTicket(ticket_id=ticket_id, by=by, resolution_text="Готово"))
    await open_or_append(unit, [a_mail(conversation_id=mail.conversation_id)])
    return unit.heard()


async def test_the_history_of_a_ticket_tells_what_changed_and_no_personal_data(
    unit, a_mail, an_agent
):
    said = await _a_life(unit, a_mail, an_agent)
    conversation = unit.only_ticket().conversation_id
    rows = [
        RecordedEvent(
            version=version,
            type=event_message(event).DESCRIPTOR.full_name,
            payload=event_message(event).SerializeToString(),
            occurred_at=event.occurred_at,
            recorded_at=NOON,
            actor=str(event.actor),
        )
        for version, event in enumerate(
            (each for each in said if each.aggregate_id == conversation), start=1
        )
    ]

    told = list(ticket_events(rows))

    states = [each.changes["state"] for each in told if "state" in each.changes]
    assert states == [
        "-> new",
        "new -> in_progress",
        "in_progress -> waiting",
        "waiting -> resolved",
        "resolved -> in_progress",
    ]
    assert told[0].changes["number"] == "-> OT-000001"
    assert told[1].changes["assignee"] == f"-> agents/{an_agent.id}"
    assert told[1].actor == actor_pb2.Actor(kind=actor_pb2.ACTOR_KIND_AGENT, id=an_agent.id)
    text = str([MessageToDict(each) for each in told])
    for personal in ("Иван", "ivan@", "Помогите", "Версия", "Готово", "Смотрим"):
        assert personal not in text


def test_a_received_message_is_translated_whole():
    message = intake.MessageReceived(
        item_id=ids.new_id(),
        conversation_id=ids.new_id(),
        channel=channel_pb2.CHANNEL_EMAIL,
        account="channelAccounts/support",
        sender_address="ivan@example.ru",
        sender_name="Иван",
        subject="Тема",
        text="Текст",
        locale="ru",
        service="services/mail",
        receive_time=instants.stamp(NOON),
        automatic=True,
        internet_message_id="<1@example.ru>",
    )
    message.reply_route.channel = channel_pb2.CHANNEL_EMAIL
    message.reply_route.address = "ivan@example.ru"
    message.attachments.add(attachment="attachments/1", filename="a.txt", sha256="0" * 64)
    event = incoming(message)

    command = heard.hear_message(event)

    assert command.received_at == NOON
    assert command.cause == event.event_id
    assert command.attachments[0].filename == "a.txt"
    assert command.reply_route.address == "ivan@example.ru"
    assert command.automatic


def test_armed_clocks_show_their_deadlines():
    message = sla.ClocksArmed(ticket_id=ids.new_id(), outcome=sla.ARMING_OUTCOME_ARMED)
    message.deadlines.add(kind=clock_pb2.CLOCK_KIND_FIRST_RESPONSE, due_time=instants.stamp(NOON))
    message.deadlines.add(kind=clock_pb2.CLOCK_KIND_RESOLUTION, due_time=instants.stamp(NOON))

    shown = heard.clocks_armed(incoming(message))

    assert [(clock.kind, clock.instance) for clock in shown] == [
        ("first_response", 1),
        ("resolution", 1),
    ]
    assert shown[0].due_at == NOON


def test_a_paused_clock_has_no_deadline_and_a_breached_one_keeps_it():
    facts = {"ticket_id": ids.new_id(), "kind": clock_pb2.CLOCK_KIND_RESOLUTION, "instance": 2}

    [paused] = heard.clock_stands(incoming(sla.ClockPaused(**facts)))
    [breached] = heard.clock_breached(
        incoming(sla.ClockBreached(due_time=instants.stamp(NOON), **facts))
    )

    assert (paused.due_at, paused.breached) == (None, False)
    assert (breached.due_at, breached.breached) == (NOON, True)


@pytest.mark.parametrize(("in_doubt", "state"), [(False, "accepted"), (True, "in_doubt")])
def test_an_accepted_delivery_shows_on_its_message(in_doubt, state):
    message = notify.DeliveryAccepted(message_id=ids.new_id(), in_doubt=in_doubt)

    assert heard.delivery_accepted(incoming(message)).delivery_state == state


def test_an_automatic_delivery_shows_nowhere():
    assert heard.delivery_accepted(incoming(notify.DeliveryAccepted())) is None
    assert heard.delivery_failed(incoming(notify.DeliveryFailed())) is None


@pytest.mark.parametrize("name", ["tickets/x", "customers/", "tickets", "tickets/1/2", ""])
def test_a_name_that_is_none_is_refused_with_its_field(name):
    with pytest.raises(InvalidInput) as refused:
        id_of(name, "tickets", field="name")

    assert refused.value.facts["field"] == "name"


def test_a_message_of_another_ticket_is_not_the_newest_one_seen():
    other = f"tickets/{ids.new_id()}/publicMessages/{ids.new_id()}"

    with pytest.raises(InvalidInput):
        message_id_of(other, ids.new_id(), field="last_customer_message")


def test_an_actor_is_read_back_as_it_was_written():
    identifier = ids.new_id()

    assert str(actor_of(f"partner/{identifier}")) == f"partner/{identifier}"
