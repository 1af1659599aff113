"""Whose message joins which conversation, for every conversation there could be."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from otklik_tickets.domain.channels import Channel
from otklik_tickets.domain.lifecycle import StateMeaning
from otklik_tickets.domain.participation import Conversations, Writer, takes_part
from otklik_tickets.domain.priority import Level, Priority
from otklik_tickets.domain.ticket import Ticket

PEOPLE = ["ivan", "eve", "olga"]
PARTNERS = ["", "acme", "umbrella"]
CONVERSATIONS = ["c1", "c2", "c3", "c4"]


def ticket(
    conversation, *, proposed="", customer="ivan", partner="", meaning=StateMeaning.OPEN
) -> Ticket:
    noon = datetime(2025, 3, 12, 12, tzinfo=UTC)
    return Ticket(
        id=f"t-{conversation}",
        number="OT-000001",
        conversation_id=conversation,
        proposed_conversation_id=proposed,
        customer_id=customer,
        partner_id=partner,
        service="services/mail",
        request_type="requestTypes/request",
        priority=Priority.P3,
        impact=Level.MEDIUM,
        urgency=Level.MEDIUM,
        state="new",
        state_meaning=meaning,
        subject="",
        channel=Channel.EMAIL,
        locale="ru",
        reply_route=None,
        last_customer_message_id="m",
        opened_at=noon,
        changed_at=noon,
    )


TICKETS = st.lists(
    st.builds(
        ticket,
        st.sampled_from(CONVERSATIONS),
        proposed=st.sampled_from(["", *CONVERSATIONS]),
        customer=st.sampled_from(PEOPLE),
        partner=st.sampled_from(PARTNERS),
        meaning=st.sampled_from(StateMeaning),
    ),
    max_size=4,
    unique_by=lambda each: each.conversation_id,
)
WRITERS = st.builds(
    Writer,
    customer_id=st.sampled_from(PEOPLE),
    partner_id=st.sampled_from(PARTNERS),
    proven=st.booleans(),
)


@given(
    tickets=TICKETS,
    writer=WRITERS,
    proposed=st.sampled_from(CONVERSATIONS),
    automatic=st.booleans(),
)
def test_nobody_ever_joins_a_conversation_he_takes_no_part_in(tickets, writer, proposed, automatic):
    home = Conversations(tickets).home(proposed, writer, automatic=automatic)

    if home is not None:
        assert takes_part(writer, home)
        assert proposed in (home.conversation_id, home.proposed_conversation_id)
        if writer.partner_id:
            assert home.partner_id == writer.partner_id
        else:
            assert home.customer_id == writer.customer_id


@given(tickets=TICKETS, writer=WRITERS, proposed=st.sampled_from(CONVERSATIONS))
def test_a_person_never_joins_a_closed_ticket(tickets, writer, proposed):
    home = Conversations(tickets).home(proposed, writer, automatic=False)

    assert home is None or home.state_meaning is not StateMeaning.CLOSED


@given(tickets=TICKETS, writer=WRITERS, proposed=st.sampled_from(CONVERSATIONS))
def test_whoever_takes_part_in_an_open_conversation_joins_it(tickets, writer, proposed):
    own = [each for each in tickets if each.conversation_id == proposed]
    home = Conversations(tickets).home(proposed, writer, automatic=False)

    for each in own:
        if takes_part(writer, each) and each.state_meaning is not StateMeaning.CLOSED:
            assert home is each


@given(tickets=TICKETS, writer=WRITERS, proposed=st.sampled_from(CONVERSATIONS))
def test_who_is_not_proven_joins_nothing_as_a_customer(tickets, writer, proposed):
    unproven = Writer(customer_id=writer.customer_id, proven=False)

    assert Conversations(tickets).home(proposed, unproven, automatic=False) is None


def test_a_later_reply_goes_to_the_newest_ticket_opened_instead():
    closed = ticket("c1", meaning=StateMeaning.CLOSED)
    older = ticket("c2", proposed="c1", meaning=StateMeaning.CLOSED)
    newer = ticket("c3", proposed="c1")

    home = Conversations([closed, older, newer]).home(
        "c1", Writer(customer_id="ivan"), automatic=False
    )

    assert home is newer
