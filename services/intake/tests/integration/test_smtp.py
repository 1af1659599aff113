import asyncio
import smtplib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from otklik_intake.entrypoints.smtp import SmtpServer, tls_context

MEGABYTE = 1024 * 1024


@pytest.fixture
async def smtp(intake) -> AsyncIterator[SmtpServer]:
    server = SmtpServer(
        intake.reception,
        intake.accounts,
        host="127.0.0.1",
        port=0,
        hostname="mx.desk.example",
        max_bytes=25 * MEGABYTE,
    )
    running = asyncio.create_task(server.run())
    yield server
    await server.drain()
    await running


async def talk(server: SmtpServer, conversation: Callable[[smtplib.SMTP], object]) -> object:
    """Have a conversation with the server from another thread, as a real client would."""

    def whole() -> object:
        with smtplib.SMTP("127.0.0.1", server.port, timeout=30) as client:
            return conversation(client)

    return await asyncio.to_thread(whole)


def a_mail(**headers: str) -> EmailMessage:
    mail = EmailMessage()
    fields = {
        "From": "Ivan <ivan@customer.example>",
        "To": "support@desk.example",
        "Subject": "No internet",
        "Message-ID": "<1@customer.example>",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    for name, value in fields.items():
        if value:
            mail[name] = value
    mail.set_content("It does not work.")
    return mail


def sent(
    mail: EmailMessage | bytes,
    *,
    to: str = "support@desk.example",
    sender: str = "ivan@customer.example",
):
    raw = mail if isinstance(mail, bytes) else mail.as_bytes()

    def conversation(client: smtplib.SMTP) -> tuple[int, bytes]:
        client.ehlo("customer.example")
        code, answer = client.mail(sender)
        if code == 250:
            code, answer = client.rcpt(to)
        if code == 250:
            code, answer = client.data(raw)
        return code, answer

    return conversation


async def test_a_mail_that_was_acknowledged_is_stored_and_said(smtp, intake):
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


async def test_it_occurred_when_it_was_received_not_when_its_date_says(smtp, intake):
    await talk(smtp, sent(a_mail(Date="Mon, 01 Jan 2001 00:00:00 +0000")))
    await intake.read()

    (said,) = await intake.said()
    received = await intake.scalar("select received_at from items")
    assert said.occurred_at == received
    assert said.message.receive_time.ToDatetime(received.tzinfo) == received


async def test_the_same_mail_delivered_again_is_acknowledged_and_makes_nothing(smtp, intake):
    first = await talk(smtp, sent(a_mail()))
    again = await talk(smtp, sent(a_mail(Received="from a relay on the second way")))
    await intake.read()

    assert first == again
    assert len(await intake.said()) == 1


async def test_a_reused_message_id_with_another_body_is_another_item(smtp, intake):
    other = a_mail()
    other.set_content("Something else.")
    await talk(smtp, sent(a_mail()))
    await talk(smtp, sent(other))
    await intake.read()

    assert [said.message.text for said in await intake.said()] == [
        "It does not work.",
        "Something else.",
    ]


async def test_the_same_words_of_two_people_without_message_id_are_two_items(smtp, intake):
    for name in ("ivan", "anna"):
        await talk(smtp, sent(a_mail(Message_ID="", From=f"{name}@customer.example")))
    await intake.read()

    assert len(await intake.said()) == 2


async def test_an_unknown_recipient_is_refused_with_advice(smtp):
    code, answer = await talk(smtp, sent(a_mail(), to="suport@desk.example"))

    assert code == 550
    assert answer.startswith(b"5.1.1")
    assert b"support@desk.example" in answer


async def test_the_postmaster_of_our_domain_is_somebody(smtp):
    for address in ("postmaster@desk.example", "postmaster"):
        code, _ = await talk(smtp, sent(a_mail(), to=address))
        assert code == 250


async def test_the_null_sender_is_accepted_and_counts_as_a_machine(smtp, intake):
    code, _ = await talk(smtp, sent(a_mail(), sender=""))
    await intake.read()

    (said,) = await intake.said()
    assert code == 250
    assert said.message.automatic


async def test_the_limit_is_announced_and_a_mail_that_says_it_is_larger_is_refused_at_once(smtp):
    def conversation(client: smtplib.SMTP) -> tuple[str, int, bytes]:
        client.ehlo("customer.example")
        return client.esmtp_features["size"], *client.docmd("MAIL FROM:<a@b.example> SIZE=31457280")

    announced, code, answer = await talk(smtp, conversation)

    assert announced == str(25 * MEGABYTE)
    assert code == 552
    assert answer.startswith(b"5.3.4")
    assert b"25 MB" in answer


async def test_thirty_megabytes_are_refused_and_the_session_goes_on(smtp, intake):
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


async def test_a_mail_without_from_is_acknowledged_kept_and_quarantined(smtp, intake):
    code, _ = await talk(smtp, sent(a_mail(From="")))
    await intake.read()

    (said,) = await intake.said()
    assert code == 250
    assert said.type == "MessageQuarantined"
    assert said.message.reason == "no_sender"
    assert await intake.scalar("select state from items") == "quarantined"
    assert b"It does not work." in await intake.scalar("select content from originals")


async def test_an_unknown_charset_is_read_all_the_same(smtp, intake):
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


async def test_only_a_dot_between_two_full_line_ends_ends_a_mail(smtp, intake):
    smuggler = (
        b"From: a@b.example\r\nMessage-ID: <3@b.example>\r\n\r\n"
        b"hello\n.\nMAIL FROM:<x@y>\n.\r\n\r.\rstill the mail\r\n"
    )

    def conversation(client: smtplib.SMTP) -> bytes:
        client.ehlo("b.example")
        client.mail("a@b.example")
        client.rcpt("support@desk.example")
        client.docmd("DATA")
        client.sock.sendall(smuggler + b"..a line of its own\r\n.\r\n")
        return client.getreply()[1]

    await talk(smtp, conversation)

    original = await intake.scalar("select content from originals")
    assert original == smuggler + b".a line of its own\r\n"


@pytest.mark.parametrize("size", [1, 7, 100])
async def test_the_end_is_found_wherever_the_network_cuts(smtp, intake, size):
    whole = (
        b"EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<support@desk.example>\r\nDATA\r\n"
    )
    whole += b"From: a@b.example\r\n\r\n..dots\r\n.\r\nQUIT\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", smtp.port)
    for start in range(0, len(whole), size):
        writer.write(whole[start : start + size])
        await asyncio.sleep(0)
    answers = (await reader.read()).decode().splitlines()
    writer.close()

    assert [line[:3] for line in answers if line[3] == " "] == [
        "220",
        "250",
        "250",
        "250",
        "354",
        "250",
        "221",
    ]
    assert (
        await intake.scalar("select content from originals")
        == b"From: a@b.example\r\n\r\n.dots\r\n"
    )


async def test_an_empty_mail_ends_too(smtp, intake):
    code, _ = await talk(smtp, sent(b""))
    await intake.read()

    assert code == 250
    assert (await intake.said())[0].message.reason == "no_sender"


async def test_commands_out_of_order_and_nonsense_get_their_codes(smtp):
    def conversation(client: smtplib.SMTP) -> list[int]:
        codes = [
            client.docmd(line)[0] for line in ("MAIL FROM:<a@b>", "HELO", "NOOP", "BLAH", "VRFY x")
        ]
        client.ehlo("c.example")
        lines = (
            "RCPT TO:<support@desk.example>",
            "MAIL FROM <a@b>",
            "MAIL FROM:<a@b> FOO=1",
            "MAIL FROM:<a@b> BODY=8BITMIME SMTPUTF8",
            "MAIL FROM:<a@b>",
            "DATA",
            "RCPT TO:<>",
            "RSET",
            "STARTTLS",
        )
        return codes + [client.docmd(line)[0] for line in lines]

    codes = await talk(smtp, conversation)

    assert codes == [503, 501, 250, 500, 252, 503, 501, 555, 250, 503, 503, 501, 250, 454]


async def test_sessions_that_arrive_together_share_a_transaction(smtp, intake):
    mails = [sent(a_mail(Message_ID=f"<{number}@c.example>")) for number in range(20)]
    before = await intake.scalar("select count(distinct xmin::text) from items")

    answers = await asyncio.gather(*(talk(smtp, mail) for mail in mails))

    transactions = await intake.scalar("select count(distinct xmin::text) from items")
    assert before == 0
    assert {code for code, _ in answers} == {250}
    assert transactions < 20


async def test_while_storage_is_down_mail_is_put_off_and_accepted_when_it_is_back(
    own_postgres_server, make_intake
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


async def test_draining_lets_a_mail_that_is_on_its_way_arrive(intake):
    server = SmtpServer(
        intake.reception,
        intake.accounts,
        host="127.0.0.1",
        port=0,
        hostname="mx",
        max_bytes=MEGABYTE,
    )
    running = asyncio.create_task(server.run())
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        b"EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<support@desk.example>\r\n"
        b"DATA\r\nFrom: a@b.example\r\n"
    )
    await reader.readuntil(b"354")
    idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", server.port)
    await idle_reader.readuntil(b"220")

    draining = asyncio.create_task(server.drain())
    idle_answer = await idle_reader.read()
    writer.write(b"\r\nhello\r\n.\r\n")
    answers = await reader.read()
    await draining
    await running
    for one in (writer, idle_writer):
        one.close()
        with suppress(ConnectionError):
            await one.wait_closed()

    assert b"421" in idle_answer
    assert b"250 2.0.0 stored as items/" in answers
    assert answers.splitlines()[-1].startswith(b"421")


async def test_starttls_is_offered_with_a_certificate_and_nothing_said_before_it_counts(
    intake, tmp_path
):
    certificate, key = a_certificate(tmp_path)
    server = SmtpServer(
        intake.reception,
        intake.accounts,
        host="127.0.0.1",
        port=0,
        hostname="mx.desk.example",
        max_bytes=MEGABYTE,
        tls=tls_context(certificate, key),
    )
    running = asyncio.create_task(server.run())

    def conversation(client: smtplib.SMTP) -> tuple[bool, int, int, bool]:
        client.ehlo("c.example")
        offered = client.has_extn("starttls")
        client.mail("a@b.example")
        client.starttls(context=ssl._create_unverified_context())  # noqa: S323 - its own
        forgotten, _ = client.rcpt("support@desk.example")
        client.ehlo("c.example")
        return offered, forgotten, sent(a_mail())(client)[0], client.has_extn("starttls")

    offered, forgotten, code, offered_again = await talk(server, conversation)
    injected = await injected_before_tls(server.port)
    await server.drain()
    await running

    assert offered
    assert forgotten == 503
    assert code == 250
    assert not offered_again
    assert injected.count(b"\r\n") == 1


async def injected_before_tls(port: int) -> bytes:
    """Say STARTTLS and more in one breath, and give what is answered in clear."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readuntil(b"220")
    await reader.readline()
    writer.write(b"STARTTLS\r\nEHLO attacker.example\r\nNOOP\r\n")
    answer = await reader.readline()
    with suppress(TimeoutError):
        async with asyncio.timeout(0.3):
            answer += await reader.read(100)
    writer.close()
    return answer


def a_certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mx.desk.example")])
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=36_500))
        .sign(key, hashes.SHA256())
    )
    (folder / "mx.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "mx.key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return folder / "mx.pem", folder / "mx.key"


async def test_a_mail_just_under_the_limit_is_stored_and_read(smtp, intake):
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
