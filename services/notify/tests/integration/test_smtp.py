import asyncio
import email
import email.policy

import pytest

from otklik_notify.adapters.smtp import Server, SmtpCarrier
from otklik_notify.domain.delivery import Verdict


async def test_a_mail_is_handed_over_whole(carrier, sink, a_mail):
    delivery, mail = a_mail()
    result = await carrier.carry(delivery, mail)

    assert result.verdict is Verdict.ACCEPTED
    [envelope] = sink.mails
    assert envelope.mail_from == "support@example.com"
    assert envelope.rcpt_tos == ["ivan@example.org"]
    parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert parsed["Message-ID"] == delivery.internet_message_id
    assert parsed["Subject"] == "Re: [OT-000123] Касса"


async def test_one_connection_carries_many_mails(carrier, sink, a_mail):
    for _ in range(5):
        await carrier.carry(*a_mail())

    assert len(sink.mails) == 5
    assert len(sink.servers) == 1


async def test_several_mails_travel_at_once(carrier, sink, a_mail):
    results = await asyncio.gather(*(carrier.carry(*a_mail()) for _ in range(6)))

    assert {result.verdict for result in results} == {Verdict.ACCEPTED}
    assert len(sink.mails) == 6


async def test_a_connection_that_was_closed_meanwhile_is_replaced(carrier, sink, a_mail):
    await carrier.carry(*a_mail())
    sink.close_connections()
    result = await carrier.carry(*a_mail())

    assert result.verdict is Verdict.ACCEPTED
    assert len(sink.servers) == 2


SAID = {
    "RCPT 550 5.1.1 no such user": (Verdict.REFUSED, "address_refused", "550 5.1.1"),
    "RCPT 450 4.2.0 greylisted": (Verdict.RETRY, "address_refused", "450 4.2.0"),
    "DATA 554 5.7.1 spam": (Verdict.REFUSED, "content_refused", "554 5.7.1"),
    "DATA 452 4.3.1 disk full": (Verdict.RETRY, "content_refused", "452 4.3.1"),
    "MAIL 550 5.7.1 who are you": (Verdict.RETRY, "sender_refused", "550 5.7.1"),
    "MAIL 421 4.3.2 shutting down": (Verdict.RETRY, "sender_refused", "421 4.3.2"),
}


@pytest.mark.parametrize("said", SAID)
async def test_what_the_server_says_decides(carrier, sink, a_mail, said):
    command, _, answer = said.partition(" ")
    sink.answers[command] = [answer]
    result = await carrier.carry(*a_mail())

    verdict, reason, codes = SAID[said]
    assert (result.verdict, result.reason) == (verdict, reason)
    assert result.detail == f"{reason} {codes}"
    assert not result.in_doubt
    assert sink.mails == []


async def test_after_a_refusal_the_connection_serves_the_next_mail(carrier, sink, a_mail):
    sink.answers["RCPT"] = ["550 5.1.1 no"]
    await carrier.carry(*a_mail())
    result = await carrier.carry(*a_mail())

    assert result.verdict is Verdict.ACCEPTED
    assert len(sink.mails) == 1


async def test_an_answer_that_never_comes_leaves_it_in_doubt(carrier, sink, a_mail):
    sink.hang_up = 1
    result = await carrier.carry(*a_mail())

    assert result.verdict is Verdict.RETRY
    assert result.in_doubt
    assert result.reason == "answer_lost"


async def test_a_server_that_is_away_is_nobodys_fault(a_mail, unused_port):
    carrier = SmtpCarrier(Server(host="127.0.0.1", port=unused_port, encryption="none"))
    result = await carrier.carry(*a_mail())

    assert result.verdict is Verdict.RETRY
    assert not result.in_doubt
    assert result.reason == "server_unreachable"


async def test_what_is_said_of_an_attempt_names_nobody(carrier, sink, a_mail):
    sink.answers["RCPT"] = ["550 5.1.1 <ivan@example.org>: user unknown"]
    result = await carrier.carry(*a_mail())

    assert "ivan" not in f"{result.reason} {result.detail}"


async def test_an_international_domain_travels_in_its_ascii_form(carrier, sink, a_mail):
    result = await carrier.carry(*a_mail(recipient="ivan@пример.рф"))

    assert result.verdict is Verdict.ACCEPTED
    assert sink.mails[0].rcpt_tos == ["ivan@xn--e1afmkfd.xn--p1ai"]


async def test_an_address_that_needs_more_than_ascii_is_refused_for_good(carrier, a_mail):
    result = await carrier.carry(*a_mail(recipient="иван@example.org"))

    assert result.verdict is Verdict.REFUSED
    assert result.reason == "address_not_supported"


async def test_a_header_with_a_line_break_never_leaves(carrier, sink, a_mail):
    result = await carrier.carry(*a_mail(subject="a\r\nBcc: everybody@example.org"))

    assert result.reason == "content_invalid"
    assert sink.mails == []
