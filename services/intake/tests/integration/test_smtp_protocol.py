import asyncio
import smtplib
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from otklik_intake.entrypoints.smtp import SmtpServer, tls_context

MEGABYTE = 1024 * 1024


async def test_only_a_dot_between_two_full_line_ends_ends_a_mail(smtp, intake, talk):
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


async def test_an_empty_mail_ends_too(smtp, intake, talk, sent):
    code, _ = await talk(smtp, sent(b""))
    await intake.read()

    assert code == 250
    assert (await intake.said())[0].message.reason == "no_sender"


async def test_commands_out_of_order_and_nonsense_get_their_codes(smtp, talk):
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
    intake, tmp_path, talk, sent, a_mail
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
