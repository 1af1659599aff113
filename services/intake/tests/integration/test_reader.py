import asyncio
import itertools
from email.message import EmailMessage

import pytest

from otklik_intake.adapters.isolated_parser import CRASHED, TOO_SLOW, IsolatedParser
from otklik_intake.domain import fingerprint, weight
from otklik_intake.domain.accounts import Channel
from otklik_intake.domain.commands import ReplayItem, SettleItem
from otklik_intake.domain.errors import ItemNotFound, ItemNotQuarantined
from otklik_intake.domain.items import Arrival, ItemState, Key
from otklik_intake.domain.letter import Unreadable
from otklik_intake.handlers import read_waiting as handler
from otklik_intake.handlers.replay_item import replay_item
from otklik_intake.handlers.settle_items import settle_items
from otklik_runtime import ids

NUMBERS = itertools.count(1)


def a_mail(text: str = "It does not work.", **headers: str) -> bytes:
    mail = EmailMessage()
    fields = {"From": "ivan@customer.example", "To": "support@desk.example", "Subject": "Help"}
    fields["Message-ID"] = f"<{next(NUMBERS)}@customer.example>"
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in fields.items():
        mail[name] = value
    mail.set_content(text)
    return mail.as_bytes()


def an_arrival(original: bytes, *, recipients=("support@desk.example",), **fields) -> Arrival:
    external_id, digest = fingerprint.of_mail(original)
    given = {
        "key": Key(
            channel=Channel.EMAIL,
            account="channelAccounts/support-mail",
            partner_id="",
            external_id=external_id,
            variant=digest,
        ),
        "content_digest": digest,
        "original": original,
        "media_type": "message/rfc822",
        "envelope_sender": "ivan@customer.example",
        "recipients": recipients,
        "heavy": weight.is_heavy(original),
        **fields,
    }
    return Arrival(**given)


@pytest.fixture
def arrive(intake):
    async def store(*originals: bytes, **fields):
        arrivals = [an_arrival(original, **fields) for original in originals]
        return await asyncio.gather(*(intake.reception.receive(one) for one in arrivals))

    return store


async def test_a_reply_to_a_known_mail_is_proposed_for_its_conversation(intake, arrive):
    await arrive(a_mail(Message_ID="<first@c.example>"))
    await intake.read()
    await arrive(a_mail("More", References="<other@c.example> <first@c.example>"))
    await intake.read()

    first, second = await intake.said()
    assert second.message.conversation_id == first.message.conversation_id
    assert second.message.evidence == 2
    assert first.message.evidence == 0


async def test_a_reply_finds_a_mail_that_never_came_but_was_referred_to(intake, arrive):
    await arrive(a_mail(In_Reply_To="<never-came@c.example>"))
    await intake.read()
    await arrive(a_mail("More", In_Reply_To="<never-came@c.example>"))
    await intake.read()

    first, second = await intake.said()
    assert second.message.conversation_id == first.message.conversation_id


async def test_a_reply_read_in_the_same_batch_as_its_mail_finds_it(intake, arrive):
    await arrive(a_mail(Message_ID="<first@c.example>"))
    await arrive(a_mail("More", In_Reply_To="<first@c.example>"))
    await intake.read()

    first, second = await intake.said()
    assert second.message.conversation_id == first.message.conversation_id


async def test_a_signed_token_names_the_conversation_and_a_forged_one_does_not(intake, arrive):
    conversation = ids.new_id()
    token = intake.ring.sign("thread", conversation, None)
    forged = token[:-4] + "aaaa"
    await arrive(a_mail("signed"), recipients=(f"support+{token.upper()}@desk.example",))
    await arrive(
        a_mail("forged", References="<first@c.example>"),
        recipients=(f"support+{forged}@desk.example",),
    )
    await intake.read()

    signed, refused = await intake.said()
    assert signed.message.conversation_id == conversation
    assert signed.message.evidence == 1
    assert refused.message.conversation_id != conversation
    assert refused.message.evidence == 0


async def test_replies_follow_the_conversation_that_tickets_decided(intake, arrive):
    (receipt,) = await arrive(a_mail(Message_ID="<first@c.example>"))
    await intake.read()
    final = ids.new_id()
    async with intake.reader._open_unit() as unit:
        await settle_items(
            unit,
            [
                SettleItem(
                    item_id=receipt.item_id,
                    state=ItemState.TICKETED,
                    conversation_id=final,
                    ticket_id=ids.new_id(),
                )
            ],
        )
    await arrive(a_mail("More", In_Reply_To="<first@c.example>"))
    await intake.read()

    assert (await intake.said())[1].message.conversation_id == final


async def test_files_are_kept_whole_and_named_safely(intake, arrive):
    mail = EmailMessage()
    mail["From"] = "ivan@customer.example"
    mail.set_content("See the file.")
    mail.add_attachment(
        b"%PDF-1.7 \x00\xff", maintype="application", subtype="pdf", filename="../счёт\u202efdp.exe"
    )
    await arrive(mail.as_bytes())
    await intake.read()

    (said,) = await intake.said()
    (reference,) = said.message.attachments
    assert reference.filename == "счётfdp.exe"
    assert reference.size_bytes == 11
    found = await intake.views.piece(
        reference.attachment.removeprefix("attachments/"), offset=5, size=100
    )
    assert found == b"1.7 \x00\xff"


async def test_a_long_text_is_cut_in_the_event_and_whole_in_a_file(intake, arrive):
    text = "Ж" * 60_000
    await arrive(a_mail(text))
    await intake.read()

    (said,) = await intake.said()
    (reference,) = said.message.attachments
    assert said.message.text_cut
    assert len(said.message.text.encode()) <= 64 * 1024
    assert reference.filename == "message.txt"
    assert reference.size_bytes == len(text.encode())


async def test_a_heavy_mail_is_read_apart_and_does_not_hold_up_others(intake, arrive):
    mail = EmailMessage()
    mail["From"] = "ivan@customer.example"
    mail.set_content("Big file.")
    mail.add_attachment(b"x" * 2_000_000, maintype="image", subtype="png", filename="big.png")
    await arrive(mail.as_bytes(), a_mail("small"))

    assert await intake.reader._pass(heavy=False)
    assert [said.message.text for said in await intake.said()] == ["small"]
    assert await intake.reader._pass(heavy=True)
    assert {said.message.text for said in await intake.said()} == {"small", "Big file."}


async def test_what_was_received_before_the_process_began_is_read_apart(intake, arrive):
    await arrive(a_mail("left over"))
    parsing = intake.reader._parser
    parsing._since = await intake.database.now()

    await intake.read()

    assert parsing._isolated._process is not None
    assert [said.message.text for said in await intake.said()] == ["left over"]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (IsolatedParser(module="otklik_intake.no_such_module"), CRASHED),
        (IsolatedParser(limit_seconds=0.001), TOO_SLOW),
    ],
)
async def test_a_parser_that_crashes_or_hangs_harms_only_its_item(intake, arrive, broken, reason):
    await arrive(a_mail("poison" * 50_000), a_mail("fine"))
    intake.reader._parser._isolated = broken

    await intake.read()
    await broken.close()

    said = {one.type: one.message for one in await intake.said()}
    assert said["MessageReceived"].text == "fine"
    assert said["MessageQuarantined"].reason == reason


async def test_a_bug_that_one_item_meets_quarantines_it_alone(intake, arrive, monkeypatch):
    await arrive(*(a_mail(f"number {number}") for number in range(5)), a_mail("the bug"))
    really = handler.read

    def with_a_bug(item, content, **facts):
        if b"the bug" in item.original and not isinstance(content, Unreadable):
            raise ZeroDivisionError
        return really(item, content, **facts)

    monkeypatch.setattr(handler, "read", with_a_bug)

    await intake.read()

    said = await intake.said()
    assert sum(one.type == "MessageReceived" for one in said) == 5
    assert [one.message.reason for one in said if one.type == "MessageQuarantined"] == [CRASHED]


async def test_two_readers_never_read_the_same_item(intake, arrive, make_intake):
    await asyncio.gather(*(arrive(a_mail(f"number {number}")) for number in range(40)))
    passes = [intake.reader._pass(heavy=False) for _ in range(4)]

    await asyncio.gather(*passes)
    await intake.read()

    assert len(await intake.said()) == 40
    assert await intake.scalar("select count(distinct aggregate_id) from events") == 43


async def test_a_quarantined_item_is_read_again_when_a_person_says_so(intake, arrive):
    (receipt,) = await arrive(a_mail(From="nobody"))
    await intake.read()
    command = ReplayItem(item_id=receipt.item_id)
    async with intake.reader._open_unit() as unit:
        await replay_item(unit, command)
    assert (await intake.views.item(receipt.item_id)).state is ItemState.PENDING

    await intake.read()

    said = await intake.said()
    assert [one.type for one in said] == ["MessageQuarantined", "MessageQuarantined"]
    assert said[0].aggregate_id == said[1].aggregate_id
    assert (await intake.views.item(receipt.item_id)).state is ItemState.QUARANTINED


async def test_an_item_that_is_not_quarantined_is_not_read_again(intake, arrive):
    (receipt,) = await arrive(a_mail())
    with pytest.raises(ItemNotQuarantined):
        async with intake.reader._open_unit() as unit:
            await replay_item(unit, ReplayItem(item_id=receipt.item_id))
    with pytest.raises(ItemNotFound):
        async with intake.reader._open_unit() as unit:
            await replay_item(unit, ReplayItem(item_id=ids.new_id()))


async def test_the_ledger_balances_whatever_became_of_items(intake, arrive):
    receipts = await arrive(*(a_mail(f"number {number}") for number in range(6)), a_mail(From="x"))
    await intake.read()
    made = [
        SettleItem(
            item_id=receipt.item_id,
            state=state,
            conversation_id=receipt.conversation_id,
            ticket_id="" if state is ItemState.REFUSED else ids.new_id(),
            reason="service_not_found" if state is ItemState.REFUSED else "",
        )
        for receipt, state in zip(
            receipts, (ItemState.TICKETED, ItemState.APPENDED, ItemState.REFUSED), strict=False
        )
    ]
    for _ in range(2):
        async with intake.reader._open_unit() as unit:
            await settle_items(unit, made)

    (balance,) = await intake.views.ledger()
    assert balance.received == 7
    assert dict(balance.counts) == {
        ItemState.PENDING: 3,
        ItemState.TICKETED: 1,
        ItemState.APPENDED: 1,
        ItemState.REFUSED: 1,
        ItemState.QUARANTINED: 1,
    }
    assert balance.oldest_pending_at is not None


async def test_what_left_pending_stays_what_it_became_first(intake, arrive):
    (receipt,) = await arrive(a_mail())
    await intake.read()
    for state in (ItemState.TICKETED, ItemState.REFUSED):
        async with intake.reader._open_unit() as unit:
            await settle_items(
                unit,
                [
                    SettleItem(
                        item_id=receipt.item_id,
                        state=state,
                        conversation_id=receipt.conversation_id,
                    )
                ],
            )

    assert (await intake.views.item(receipt.item_id)).state is ItemState.TICKETED


async def test_the_reader_is_woken_by_a_commit(intake, arrive):
    running = asyncio.create_task(intake.reader.run())
    await arrive(a_mail())
    async with asyncio.timeout(10):
        while not await intake.said():  # noqa: ASYNC110 - what another task commits is polled
            await asyncio.sleep(0.01)

    await intake.reader.drain()
    await running
    assert intake.reader.ready() is None
