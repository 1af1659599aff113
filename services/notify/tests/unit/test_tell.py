import pytest

from otklik_notify.domain.commands import RememberAccount, RememberMail
from otklik_notify.domain.errors import AccountNotKnown
from otklik_notify.domain.events import DeliveryFailed
from otklik_notify.domain.notices import RESOLUTION, Automatic
from otklik_notify.handlers.remember_account import remember_accounts
from otklik_notify.handlers.tell import tell


async def test_an_answer_leaves_from_the_accounts_own_address(unit, desk, an_answer):
    await tell(unit, [an_answer()], desk)

    [(_, mail)] = unit.queued
    assert mail.from_address == "support@example.com"
    assert mail.envelope_sender == "support@example.com"
    assert mail.from_name == "Служба поддержки"
    assert mail.automatic is Automatic.NO


async def test_what_a_machine_writes_has_a_sender_that_knows_its_bounce(
    unit, desk, a_ticket, armed_clocks
):
    await tell(unit, [a_ticket(), armed_clocks()], desk)

    [(delivery, mail)] = unit.queued
    assert mail.envelope_sender == f"bounce+b{delivery.id[:8]}@example.com"
    assert mail.automatic is Automatic.REPLIED


async def test_a_survey_is_generated_and_opens_the_rating_page(unit, desk, texts, a_survey):
    survey = a_survey()
    await tell(unit, [survey], desk)

    [(_, mail)] = unit.queued
    assert mail.automatic is Automatic.GENERATED
    assert texts.asked[0][2]["page"] == f"https://feedback.example.com/r/{survey.about_id}"


async def test_replies_come_back_with_the_thread_token(unit, desk, an_answer):
    answer = an_answer()
    await tell(unit, [answer], desk)

    [(delivery, mail)] = unit.queued
    token = f"t{answer.conversation_id[:8]}"
    assert mail.reply_to == f"support+{token}@example.com"
    assert mail.internet_message_id == f"<otklik.{token}.{delivery.id}@example.com>"


async def test_an_answer_replies_to_the_mail_the_event_names(unit, desk, an_answer):
    await tell(unit, [an_answer(in_reply_to="<named@example.org>")], desk)

    [(_, mail)] = unit.queued
    assert mail.in_reply_to == "<named@example.org>"
    assert mail.references[-1] == "<named@example.org>"


async def test_without_a_named_mail_it_replies_to_the_customers_newest(
    unit, desk, a_ticket, an_answer
):
    ticket = a_ticket()
    newest = RememberMail(
        conversation_id=ticket.conversation_id, internet_message_id="<second@example.org>"
    )
    await tell(unit, [ticket, newest], desk)
    await tell(unit, [an_answer(in_reply_to="")], desk)

    [(_, mail)] = unit.queued
    assert mail.in_reply_to == "<second@example.org>"
    assert mail.references == ("<first@example.org>", "<second@example.org>")


async def test_mails_to_somebody_who_wrote_no_mail_still_make_one_thread(unit, desk, an_answer):
    await tell(unit, [an_answer("one", in_reply_to="")], desk)
    await tell(unit, [an_answer("two", in_reply_to="")], desk)

    first, second = (mail for _, mail in unit.queued)
    assert second.in_reply_to == first.internet_message_id
    assert first.in_reply_to == ""


@pytest.mark.parametrize(
    "hostile",
    ["<a@b>\r\nBcc: everybody@example.org", "no brackets", "<two ids> <in@one>", "<ключ@пример>"],
)
async def test_a_message_id_that_is_none_is_not_replied_to(unit, desk, an_answer, hostile):
    await tell(unit, [an_answer(in_reply_to=hostile)], desk)

    [(_, mail)] = unit.queued
    assert mail.in_reply_to == ""


async def test_a_public_message_is_told_once_whichever_event_carries_it(unit, desk, an_answer):
    answer = an_answer()
    resolution = an_answer(template=RESOLUTION)
    await tell(unit, [answer], desk)
    await tell(unit, [resolution, answer], desk)

    assert [delivery.template for delivery, _ in unit.queued] == ["answer"]


async def test_nothing_is_told_where_there_is_nowhere_to_write_to(unit, desk, an_answer):
    await tell(unit, [an_answer(route=None)], desk)

    assert unit.queued == []
    assert unit.events == []


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "a@b\r\nBcc: c@d",
        "a b@example.org",
        "a@b@c",
        "<a@example.org>",
        "a@" + "b" * 300,
    ],
)
async def test_a_useless_address_fails_at_once_and_says_so(unit, desk, an_answer, a_route, address):
    await tell(unit, [an_answer(route=a_route(address=address))], desk)

    if address == "":
        assert unit.events == []
        return
    [event] = unit.events
    assert isinstance(event, DeliveryFailed)
    assert event.reason == "address_invalid"
    assert unit.queued[0][0].is_settled


async def test_a_failure_is_said_once_however_often_the_event_comes(unit, desk, an_answer, a_route):
    answer = an_answer(route=a_route(channel="telegram"))
    await tell(unit, [answer], desk)
    await tell(unit, [answer], desk)

    assert [event.reason for event in unit.events] == ["channel_not_supported"]


async def test_an_account_that_is_not_known_yet_is_waited_for(unit, desk, a_ticket, a_route):
    with pytest.raises(AccountNotKnown):
        await tell(unit, [a_ticket(route=a_route(account="channelAccounts/new"))], desk)


async def test_a_form_answers_from_the_mail_account_it_names(
    unit, desk, an_answer, a_route, an_account
):
    form = an_account(
        name="channelAccounts/form",
        channel="web_form",
        address="",
        reply_account="channelAccounts/support",
    )
    unit.accounts.rows[form.name] = form
    await tell(unit, [an_answer(route=a_route(account=form.name))], desk)

    [(_, mail)] = unit.queued
    assert mail.from_address == "support@example.com"


async def test_the_newest_word_about_an_account_counts(unit):
    def account(address: str) -> RememberAccount:
        return RememberAccount(
            name="channelAccounts/support",
            channel="email",
            address=address,
            display_names={"ru": "П", "en": "S"},
            reply_account="",
        )

    await remember_accounts(unit, [account("old@example.com"), account("new@example.com")])

    assert unit.accounts.rows["channelAccounts/support"].address == "new@example.com"


async def test_the_acknowledgement_stands_before_the_answer_of_the_same_batch(
    unit, desk, a_ticket, armed_clocks, an_answer
):
    await tell(unit, [a_ticket(), armed_clocks(), an_answer()], desk)

    assert [delivery.template for delivery, _ in unit.queued] == ["acknowledgement", "answer"]


async def test_a_subject_does_not_pile_up_reply_marks(unit, desk, texts, an_answer):
    await tell(unit, [an_answer(subject="Re: [OT-000123] RE: Ответ:  Касса\r\nX: y")], desk)

    assert texts.asked[0][2]["subject"] == "Касса X: y"


async def test_a_thread_forgets_its_middle_but_not_its_beginning(unit, desk, a_ticket):
    ticket = a_ticket()
    mails = [
        RememberMail(
            conversation_id=ticket.conversation_id, internet_message_id=f"<{number}@example.org>"
        )
        for number in range(30)
    ]
    await tell(unit, [ticket, *mails], desk)

    [thread] = unit.threads.rows.values()
    assert len(thread.message_ids) == 10
    assert thread.message_ids[0] == "<first@example.org>"
    assert thread.message_ids[-1] == "<29@example.org>"


async def test_a_loop_between_machines_ends_and_agents_still_get_through(
    unit, desk, a_ticket, armed_clocks, an_answer
):
    for number in range(6):
        name = f"ticket {number}"
        await tell(unit, [a_ticket(name), armed_clocks(name)], desk)
    await tell(unit, [an_answer()], desk)
    unit.advance(24 * 3600)
    await tell(unit, [a_ticket("next day"), armed_clocks("next day")], desk)

    states = [(delivery.template, delivery.reason) for delivery, _ in unit.queued]
    assert states == [
        *[("acknowledgement", "")] * 3,
        *[("acknowledgement", "too_many_automatic")] * 3,
        ("answer", ""),
        ("acknowledgement", ""),
    ]


async def test_a_ticket_that_came_to_no_account_is_answered_from_the_first_mail_account(
    unit, desk, an_answer, a_route
):
    await tell(unit, [an_answer(route=a_route(account=""))], desk)

    [(_, mail)] = unit.queued
    assert mail.from_address == "support@example.com"


async def test_a_channel_that_cannot_be_carried_needs_no_account(unit, desk, an_answer, a_route):
    route = a_route(channel="telegram", account="channelAccounts/bot")
    await tell(unit, [an_answer(route=route)], desk)

    [(delivery, mail)] = unit.queued
    assert delivery.reason == "channel_not_supported"
    assert mail.recipient == route.address
