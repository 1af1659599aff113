import asyncio
import smtplib

from otklik_intake.entrypoints.smtp import SmtpServer

MEGABYTE = 1024 * 1024


async def test_a_mail_that_was_acknowledged_is_stored_and_said(smtp, intake, talk, sent, a_mail):
    code, answer = await talk(smtp, sent(a_mail()))
    await intake.read()

    (said,) = await intake.said()
    assert code == 250
    assert answer.decode().endswith(said.message.item_id)
    assert said.type == "MessageReceived"
    assert said.message.subject == "No internet"
    assert said.message.text == "It does not work."
    assert said.message.sender_address == "ivan@customer.example"
    assert said.message.locale == "en"
    assert said.message.service == "services/general"
    assert said.message.reply_route.account == "channelAccounts/support-mail"
    assert said.message.internet_message_id == "<1@customer.example>"
    assert said.aggregate_id == said.message.conversation_id


async def test_it_occurred_when_it_was_received_not_when_its_date_says(
    smtp, intake, talk, sent, a_mail
):
    await talk(smtp, sent(a_mail(Date="Mon, 01 Jan 2001 00:00:00 +0000")))
    await intake.read()

    (said,) = await intake.said()
    received = await intake.scalar("select received_at from items")
    assert said.occurred_at == received
    assert said.message.receive_time.ToDatetime(received.tzinfo) == received


async def test_the_same_mail_delivered_again_is_acknowledged_and_makes_nothing(
    smtp, intake, talk, sent, a_mail
):
    first = await talk(smtp, sent(a_mail()))
    again = await talk(smtp, sent(a_mail(Received="from a relay on the second way")))
    await intake.read()

    assert first == again
    assert len(await intake.said()) == 1


async def test_a_reused_message_id_with_another_body_is_another_item(
    smtp, intake, talk, sent, a_mail
):
    other = a_mail()
    other.set_content("Something else.")
    await talk(smtp, sent(a_mail()))
    await talk(smtp, sent(other))
    await intake.read()

    assert [said.message.text for said in await intake.said()] == [
        "It does not work.",
        "Something else.",
    ]


async def test_the_same_words_of_two_people_without_message_id_are_two_items(
    smtp, intake, talk, sent, a_mail
):
    for name in ("ivan", "anna"):
        await talk(smtp, sent(a_mail(Message_ID="", From=f"{name}@customer.example")))
    await intake.read()

    assert len(await intake.said()) == 2


async def test_an_unknown_recipient_is_refused_with_advice(smtp, talk, sent, a_mail):
    code, answer = await talk(smtp, sent(a_mail(), to="suport@desk.example"))

    assert code == 550
    assert answer.startswith(b"5.1.1")
    assert b"support@desk.example" in answer


async def test_the_postmaster_of_our_domain_is_somebody(smtp, talk, sent, a_mail):
    for address in ("postmaster@desk.example", "postmaster"):
        code, _ = await talk(smtp, sent(a_mail(), to=address))
        assert code == 250


async def test_the_null_sender_is_accepted_and_counts_as_a_machine(
    smtp, intake, talk, sent, a_mail
):
    code, _ = await talk(smtp, sent(a_mail(), sender=""))
    await intake.read()

    (said,) = await intake.said()
    assert code == 250
    assert said.message.automatic


async def test_the_limit_is_announced_and_a_mail_that_says_it_is_larger_is_refused_at_once(
    smtp, talk
):
    def conversation(client: smtplib.SMTP) -> tuple[str, int, bytes]:
        client.ehlo("customer.example")
        return client.esmtp_features["size"], *client.docmd("MAIL FROM:<a@b.example> SIZE=31457280")

    announced, code, answer = await talk(smtp, conversation)

    assert announced == str(25 * MEGABYTE)
    assert code == 552
    assert answer.startswith(b"5.3.4")
    assert b"25 MB" in answer


async def test_thirty_megabytes_are_refused_and_the_session_goes_on(
    smtp, intake, talk, sent, a_mail
):
    big = a_mail().as_bytes() + b"\r\n" + (b"x" * 998 + b"\r\n") * (30 * 1024 * 1024 // 1000)

    def conversation(client: smtplib.SMTP) -> tuple[tuple[int, bytes], tuple[int, bytes]]:
        client.ehlo("customer.example")
        client.docmd("MAIL FROM:<ivan@customer.example>")
        client.rcpt("support@desk.example")
        refused = client.data(big)
        return refused, sent(a_mail())(client)

    (code, answer), (next_code, _) = await talk(smtp, conversation)
    await intake.read()

    assert code == 552
    assert answer.startswith(b"5.3.4")
    assert b"25 MB" in answer
    assert next_code == 250
    assert await intake.scalar("select count(*) from items") == 1
    assert smtp._memory == 256 * MEGABYTE


async def test_a_mail_without_from_is_acknowledged_kept_and_quarantined(
    smtp, intake, talk, sent, a_mail
):
    code, _ = await talk(smtp, sent(a_mail(From="")))
    await intake.read()

    (said,) = await intake.said()
    assert code == 250
    assert said.type == "MessageQuarantined"
    assert said.message.reason == "no_sender"
    assert await intake.scalar("select state from items") == "quarantined"
    assert b"It does not work." in await intake.scalar("select content from originals")


async def test_an_unknown_charset_is_read_all_the_same(smtp, intake, talk, sent):
    raw = (
        b"From: ivan@customer.example\r\n"
        b"Subject: =?x-unknown?B?8NLJ18XU?=\r\n"
        b"Message-ID: <2@c.example>\r\n"
        b"Content-Type: text/plain; charset=x-nobody-knows\r\n"
        b"Content-Transfer-Encoding: 8bit\r\n\r\n"
    ) + "Не работает интернет в магазине.".encode("koi8-r")
    await talk(smtp, sent(raw))
    await intake.read()

    (said,) = await intake.said()
    assert said.message.text == "Не работает интернет в магазине."
    assert said.message.subject == "Привет"
    assert said.message.locale == "ru"


async def test_sessions_that_arrive_together_share_a_transaction(smtp, intake, talk, sent, a_mail):
    mails = [sent(a_mail(Message_ID=f"<{number}@c.example>")) for number in range(20)]
    before = await intake.scalar("select count(distinct xmin::text) from items")

    answers = await asyncio.gather(*(talk(smtp, mail) for mail in mails))

    transactions = await intake.scalar("select count(distinct xmin::text) from items")
    assert before == 0
    assert {code for code, _ in answers} == {250}
    assert transactions < 20


async def test_while_storage_is_down_mail_is_put_off_and_accepted_when_it_is_back(
    own_postgres_server, make_intake, talk, sent, a_mail
):
    intake = await make_intake(await own_postgres_server.create_database("intake"))
    server = SmtpServer(
        intake.reception,
        intake.accounts,
        host="127.0.0.1",
        port=0,
        hostname="mx",
        max_bytes=MEGABYTE,
    )
    running = asyncio.create_task(server.run())
    assert (await talk(server, sent(a_mail())))[0] == 250

    await own_postgres_server.stop()
    down = await talk(server, sent(a_mail(Message_ID="<9@c.example>")))
    await own_postgres_server.start()
    up = await talk(server, sent(a_mail(Message_ID="<9@c.example>")))

    await server.drain()
    await running
    assert down[0] == 451
    assert down[1].startswith(b"4.3.0")
    assert up[0] == 250
    assert await intake.scalar("select count(*) from items") == 2


async def test_a_mail_just_under_the_limit_is_stored_and_read(smtp, intake, talk, sent, a_mail):
    mail = a_mail()
    mail.add_attachment(
        bytes(range(256)) * 65_536, maintype="video", subtype="mp4", filename="way.mp4"
    )
    code, _ = await talk(smtp, sent(mail))
    await intake.read()

    (said,) = await intake.said()
    assert code == 250
    assert said.message.text == "It does not work."
    assert said.message.attachments[0].size_bytes == 16 * MEGABYTE
    assert smtp._memory == 256 * MEGABYTE
