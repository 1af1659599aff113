"""Other services' events, as the facts that sla makes of them."""

from otklik.notify.v1 import events_pb2 as notify
from otklik.tickets.v1 import events_pb2 as tickets
from otklik.tickets.v1 import ticket_pb2
from otklik.type.v1 import actor_pb2, channel_pb2
from otklik_runtime.envelope import Incoming
from otklik_sla.domain import facts
from otklik_sla.domain.commands import Hear, OpenedTicket
from otklik_sla.domain.kinds import StateMeaning
from otklik_sla.domain.policy import Traits


def hear_opened(event: Incoming) -> Hear:
    """A ticket was opened: its facts begin."""
    message = event.message
    assert isinstance(message, tickets.TicketOpened)  # noqa: S101 - translated by type
    return Hear(
        conversation_id=message.conversation_id,
        fact=facts.Opened(
            fact_id=event.event_id, occurred_at=event.occurred_at, sequence=event.version
        ),
        opened=OpenedTicket(
            ticket_id=message.ticket_id,
            traits=Traits(
                segment=message.segment,
                service=message.service,
                priority=ticket_pb2.Priority.Name(message.priority),
                channel=channel_pb2.Channel.Name(message.channel),
            ),
        ),
    )


def hear_customer(event: Incoming) -> Hear:
    """The customer wrote again."""
    message = event.message
    assert isinstance(message, tickets.MessageAppended)  # noqa: S101 - translated by type
    return Hear(
        conversation_id=message.conversation_id,
        fact=facts.CustomerMessage(
            fact_id=event.event_id,
            occurred_at=event.occurred_at,
            sequence=event.version,
            automatic=message.automatic,
        ),
    )


def hear_answer(event: Incoming) -> Hear:
    """Somebody at the desk wrote to the customer."""
    message = event.message
    assert isinstance(message, tickets.MessageSent)  # noqa: S101 - translated by type
    return Hear(
        conversation_id=message.conversation_id,
        fact=facts.AgentMessage(
            fact_id=event.event_id,
            occurred_at=event.occurred_at,
            sequence=event.version,
            message_id=message.message_id,
            human=message.author.kind == actor_pb2.ACTOR_KIND_AGENT,
        ),
    )


def hear_state(event: Incoming) -> Hear:
    """The ticket moved in its state matrix."""
    message = event.message
    assert isinstance(message, tickets.TicketStateChanged)  # noqa: S101 - translated by type
    name = ticket_pb2.StateMeaning.Name(message.meaning)
    return Hear(
        conversation_id=message.conversation_id,
        fact=facts.StateChanged(
            fact_id=event.event_id,
            occurred_at=event.occurred_at,
            sequence=event.version,
            meaning=StateMeaning(name.removeprefix("STATE_MEANING_").lower()),
        ),
    )


def hear_resolved(event: Incoming) -> Hear:
    """The ticket was resolved."""
    message = event.message
    assert isinstance(message, tickets.TicketResolved)  # noqa: S101 - translated by type
    return Hear(
        conversation_id=message.conversation_id,
        fact=facts.Resolved(
            fact_id=event.event_id,
            occurred_at=event.occurred_at,
            sequence=event.version,
            message_id=message.message_id,
        ),
    )


def hear_reopened(event: Incoming) -> Hear:
    """The ticket was opened again."""
    message = event.message
    assert isinstance(message, tickets.TicketReopened)  # noqa: S101 - translated by type
    return Hear(
        conversation_id=message.conversation_id,
        fact=facts.Reopened(
            fact_id=event.event_id, occurred_at=event.occurred_at, sequence=event.version
        ),
    )


def hear_accepted(event: Incoming) -> Hear | None:
    """A delivery arrived; one that carries no public message confirms nothing."""
    message = event.message
    assert isinstance(message, notify.DeliveryAccepted)  # noqa: S101 - translated by type
    if not message.message_id:
        return None
    return Hear(
        conversation_id=message.conversation_id,
        fact=facts.DeliveryAccepted(
            fact_id=event.event_id,
            occurred_at=event.occurred_at,
            message_id=message.message_id,
            delivery_id=message.delivery_id,
        ),
    )


def hear_failed(event: Incoming) -> Hear | None:
    """A delivery failed for good."""
    message = event.message
    assert isinstance(message, notify.DeliveryFailed)  # noqa: S101 - translated by type
    if not message.message_id:
        return None
    return Hear(
        conversation_id=message.conversation_id,
        fact=facts.DeliveryFailed(
            fact_id=event.event_id,
            occurred_at=event.occurred_at,
            message_id=message.message_id,
            delivery_id=message.delivery_id,
        ),
    )
