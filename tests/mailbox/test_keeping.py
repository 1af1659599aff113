"""Letters are taken over SMTP, kept before they are answered, and found again after a death."""

import asyncio
import errno
import json
import os
import re
import signal
import sys
import threading
from hashlib import sha256
from pathlib import Path

import aiosmtplib
import httpx
import pytest

from tools.mailbox import Mailbox, Outcome
from tools.mailbox.ledger import DirectoryBusy
from tools.pages import PortBusy

ROOT = Path(__file__).resolve().parents[2]


async def test_a_letter_is_kept_with_its_envelope_and_its_bytes(mailbox, send, a_letter):
    await send(a_letter("Заявка принята"), to=["ann@client.example", "bob@client.example"])

    message = await mailbox.wait_for(lambda message: message.is_for("BOB@client.example"))

    assert message.mail_from == "desk@support.example"
    assert message.recipients == ("ann@client.example", "bob@client.example")
    assert message.message_id == "<1@support.example>"
    assert message.letter.subject == "Заявка принята"
    assert message.answered
    assert sha256(message.raw).hexdigest() == message.entry.sha256


async def test_a_bounce_with_an_empty_sender_and_any_login_are_taken(mailbox, a_letter):
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=mailbox.smtp_port) as client:
        await client.login("anyone", "anything")
        await client.sendmail("", ["ann@client.example"], a_letter().as_bytes())

    assert mailbox.messages()[0].mail_from == ""


async def test_dots_long_bodies_and_eight_bit_text_arrive_unchanged(mailbox, send):
    body = (
        b"Subject: x\r\n\r\n.\r\n..two\r\n" + "Привет\r\n".encode("koi8-r") + b"z" * 900 + b"\r\n"
    )
    raw = body + b"line\r\n" * 50_000

    await send(raw)

    assert mailbox.messages()[0].raw == raw


async def test_a_wait_ends_when_the_letter_arrives_not_before(mailbox, send, a_letter):
    await send(a_letter("first"))
    first = mailbox.messages()[0]
    waiting = asyncio.create_task(
        mailbox.wait_for(lambda message: True, timeout=10, since=first.number)
    )
    await asyncio.sleep(0)
    assert not waiting.done()

    await send(a_letter("second"))

    assert (await waiting).letter.subject == "second"


async def test_a_wait_in_vain_counts_what_came(mailbox, send, a_letter):
    await send(a_letter())

    with pytest.raises(TimeoutError, match="1 accepted, 0 unanswered"):
        await mailbox.wait_for(lambda message: False, timeout=0.05)


async def test_many_senders_at_once_are_all_kept_and_numbered_in_the_order_of_the_ledger(
    mailbox, send, a_letter
):
    await asyncio.gather(*(send(a_letter(number=number)) for number in range(40)))

    numbers = [message.number for message in mailbox.messages()]
    assert numbers == list(range(1, 41))
    assert {message.message_id for message in mailbox.messages()} == {
        f"<{number}@support.example>" for number in range(40)
    }
    assert mailbox.count(Outcome.ACCEPTED) == 40


async def test_a_mailbox_started_again_knows_its_letters_and_its_ports(tmp_path, a_letter):
    mailbox = Mailbox(tmp_path)
    for subject in ("before", "after"):
        async with mailbox:
            port = mailbox.smtp_port
            await aiosmtplib.send(
                a_letter(subject), sender="a@x", recipients=["b@x"], hostname="127.0.0.1", port=port
            )

    async with Mailbox(tmp_path) as third:
        assert [message.letter.subject for message in third.messages()] == ["before", "after"]
        assert [message.number for message in third.messages()] == [1, 2]
    assert mailbox.smtp_port == port


async def test_a_line_torn_by_a_death_is_cut_off_and_its_letter_number_used_again(
    tmp_path, a_letter
):
    async with Mailbox(tmp_path) as mailbox:
        await aiosmtplib.send(
            a_letter(),
            sender="a@x",
            recipients=["b@x"],
            hostname="127.0.0.1",
            port=mailbox.smtp_port,
        )
    ledger = tmp_path / "ledger.jsonl"
    whole = ledger.read_bytes()
    ledger.write_bytes(whole + whole[:-20])

    async with Mailbox(tmp_path) as mailbox:
        assert len(mailbox.entries) == 1
        assert ledger.read_bytes() == whole


async def test_a_full_disk_is_a_refusal_for_now_and_nothing_is_counted(
    mailbox, send, a_letter, monkeypatch
):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(aiosmtplib.SMTPDataError) as refusal:
            await send(a_letter("too much"))
    await send(a_letter("after"))

    assert refusal.value.code == 452
    assert [message.letter.subject for message in mailbox.messages()] == ["after"]
    assert len(mailbox.entries) == 1


async def test_two_mailboxes_cannot_share_a_directory_or_a_port(mailbox, tmp_path):
    with pytest.raises(DirectoryBusy, match="in use by another mailbox"):
        await Mailbox(tmp_path / "letters").start()
    with pytest.raises(PortBusy, match=str(mailbox.smtp_port)):
        await Mailbox(tmp_path / "other", smtp_port=mailbox.smtp_port).start()


async def test_a_session_that_is_open_at_the_end_is_cut(tmp_path):
    mailbox = Mailbox(tmp_path)
    await mailbox.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", mailbox.smtp_port)
    assert (await reader.readline()).startswith(b"220 ")

    await mailbox.stop()

    assert await reader.read() == b""
    writer.close()


async def test_no_letter_is_answered_before_its_line_is_forced_to_disk(
    mailbox, send, a_letter, monkeypatch
):
    forcing, forced = threading.Event(), threading.Event()
    real_fsync = os.fsync

    def slow_fsync(number):
        forcing.set()
        forced.wait(10)
        real_fsync(number)

    monkeypatch.setattr(os, "fsync", slow_fsync)
    sending = asyncio.create_task(send(a_letter()))
    await asyncio.to_thread(forcing.wait, 10)

    done, _ = await asyncio.wait([sending], timeout=0.1)
    assert not done
    assert mailbox.messages() == ()

    forced.set()
    await sending
    assert mailbox.count(Outcome.ACCEPTED) == 1


async def test_whatever_was_answered_survives_a_kill(tmp_path, a_letter):
    """Senders work while the process is killed: its ledger holds all they were told is kept."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tools.mailbox", "--dir", str(tmp_path)),
        *("--smtp-port", "0", "--http-port", "0"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    first_line = (await process.stdout.readline()).decode()
    port = int(re.search(r"smtp://127.0.0.1:(\d+)", first_line)[1])
    page = re.search(r"page at (\S+)", first_line)[1]
    answered = []

    async def sender(name):
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port) as client:
            for number in range(10_000):
                letter = a_letter(number=f"{name}.{number}")
                await client.sendmail("a@x", ["b@x"], letter.as_bytes())
                answered.append(letter["Message-ID"])

    async def killer():
        async with httpx.AsyncClient(base_url=page, timeout=30) as browser:
            await browser.get("/api/messages", params={"since": 30, "wait_seconds": 20})
        process.send_signal(signal.SIGKILL)

    outcomes = await asyncio.gather(*map(sender, "abc"), killer(), return_exceptions=True)
    await process.wait()

    assert all(isinstance(outcome, aiosmtplib.SMTPException) for outcome in outcomes[:3])
    assert outcomes[3] is None
    async with Mailbox(tmp_path) as again:
        kept = {message.message_id: message for message in again.messages()}
        assert len(answered) > 10
        assert set(answered) <= set(kept)
        for message in kept.values():
            assert sha256(message.raw).hexdigest() == message.entry.sha256


async def test_the_ledger_is_plain_lines_of_json(mailbox, send, a_letter, tmp_path):
    await send(a_letter())

    (line,) = (tmp_path / "letters" / "ledger.jsonl").read_text().splitlines()

    entry = json.loads(line)
    assert entry["outcome"] == "accepted"
    assert entry["message_id"] == "<1@support.example>"
    assert entry["recipients"] == ["ann@client.example"]
