"""The mailbox fails when told to, as told, and accounts for it."""

import asyncio

import aiosmtplib
import pytest

from tools.mailbox import Act, Fault, Outcome


async def test_a_recipient_is_refused_by_rule_and_the_others_are_served(mailbox, send, a_letter):
    mailbox.faults.set(
        [Fault(act=Act.REFUSE_RECIPIENT, recipient="*@Gone.example", reply="550 5.1.1 No such one")]
    )

    refused, _ = await send(a_letter(), to=["ann@client.example", "bob@gone.example"])

    assert refused["bob@gone.example"].code == 550
    assert mailbox.messages()[0].recipients == ("ann@client.example",)
    assert mailbox.count(Outcome.REFUSED) == 1
    assert mailbox.entries[0].recipients == ("bob@gone.example",)


async def test_a_refusal_for_now_ends_after_the_times_it_was_told(mailbox, send, a_letter):
    mailbox.faults.add(Fault(act=Act.REFUSE_MESSAGE, reply="451 4.7.1 Later", times=2))

    for _ in range(2):
        with pytest.raises(aiosmtplib.SMTPDataError) as refusal:
            await send(a_letter())
        assert (refusal.value.code, refusal.value.message) == (451, "4.7.1 Later")
    await send(a_letter())

    assert [entry.outcome for entry in mailbox.entries] == ["refused", "refused", "accepted"]
    assert mailbox.faults.rules == ()
    assert mailbox.faults.fired == 2


@pytest.mark.parametrize(
    ("act", "kept", "outcome"),
    [
        (Act.DROP_BEFORE_KEEPING, 0, Outcome.DROPPED),
        (Act.DROP_AFTER_KEEPING, 1, Outcome.UNANSWERED),
    ],
)
async def test_a_connection_cut_after_the_letter_leaves_the_sender_in_doubt(
    mailbox, send, a_letter, *, act, kept, outcome
):
    mailbox.faults.add(Fault(act=act, times=1))

    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await send(a_letter())

    assert len(mailbox.messages()) == kept
    assert [entry.outcome for entry in mailbox.entries] == [outcome]
    assert mailbox.entries[0].message_id == "<1@support.example>"
    await send(a_letter(number=2))
    assert mailbox.messages()[-1].answered


async def test_a_late_answer_outlasts_the_patience_of_the_sender_and_the_letter_is_kept(
    mailbox, send, a_letter
):
    mailbox.faults.add(Fault(act=Act.ANSWER_LATE, delay_seconds=0.4, times=2))

    with pytest.raises(aiosmtplib.SMTPTimeoutError):
        await send(a_letter("given up"), timeout=0.2)
    await send(a_letter("waited for", number=2))

    # The first sender left: its session ended, with nothing kept or with everything.
    assert mailbox.messages(to="ann@client.example")[-1].letter.subject == "waited for"


async def test_rules_are_set_and_read_from_outside(mailbox, browser, send, a_letter):
    rule = {"act": "refuse_message", "recipient": "ann@*", "reply": "554 5.7.1 No", "times": 1}

    answer = await browser.put("/api/faults", json=[rule])
    with pytest.raises(aiosmtplib.SMTPDataError):
        await send(a_letter())

    assert answer.json() == [rule | {"delay_seconds": 0.0}]
    assert (await browser.get("/api/faults")).json() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"act": "explode"},
        {"act": "refuse_message", "reply": "250 fine"},
        {"act": "refuse_message", "reply": "451 two\r\n250 lines"},
        {},
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused_and_none_is_changed(mailbox, browser, wrong):
    mailbox.faults.add(Fault(act=Act.DROP_BEFORE_KEEPING))

    answer = await browser.put("/api/faults", json=[wrong])

    assert answer.status_code == 422
    assert len(mailbox.faults.rules) == 1


async def test_a_sender_cut_off_while_its_letter_is_written_leaves_a_true_account(
    mailbox, a_letter
):
    """The letter is on disk though nobody waits for the answer: memory says what disk says."""
    _, writer = await asyncio.open_connection("127.0.0.1", mailbox.smtp_port)
    writer.write(
        b"EHLO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n"
        + a_letter().as_bytes().replace(b"\n", b"\r\n")
        + b"\r\n.\r\n"
    )
    await writer.drain()
    kept = asyncio.create_task(mailbox.wait_for(lambda message: message.is_for("b@x")))
    message = await kept
    writer.transport.abort()

    assert message.raw.endswith(b"A text.\r\n\r\n")
    assert mailbox.count(Outcome.ACCEPTED) == 1
