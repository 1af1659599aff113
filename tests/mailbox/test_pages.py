"""The pages and the JSON: letters found, read, downloaded, in both languages, and harmless."""

import asyncio
import re

import pytest

HOSTILE = '"><script>alert(1)</script>'


@pytest.mark.parametrize(
    ("accepts", "title", "count"),
    [("ru", "Почтовый ящик", "1 письмо"), ("en", "Mailbox", "1 letter")],
)
async def test_the_list_shows_letters_in_the_readers_language(
    browser, send, a_letter, *, accepts, title, count
):
    await send(a_letter("Заявка принята"))

    page = await browser.get("/", headers={"accept-language": accepts})

    assert f"<h1>{title}</h1>" in page.text
    assert count in page.text
    assert "Заявка принята" in page.text


async def test_the_list_is_narrowed_by_a_part_of_an_address(browser, send, a_letter):
    await send(a_letter("for Ann"), to="ann@client.example")
    await send(a_letter("for Bob"), to="bob@other.example")

    page = await browser.get("/", params={"address": "OTHER"})

    assert re.findall(r"<strong>([^<]*)</strong>", page.text) == ["for Bob"]


async def test_the_list_goes_on_to_older_letters(browser, send, a_letter):
    await asyncio.gather(*(send(a_letter(f"letter {n}", number=n)) for n in range(55)))

    first = await browser.get("/")
    older = re.search(r'href="(/\?before=\d+)"', first.text)[1]
    second = await browser.get(older)

    seen = [
        *re.findall(r"/messages/(\d+)", first.text),
        *re.findall(r"/messages/(\d+)", second.text),
    ]
    assert [int(number) for number in seen] == list(range(55, 0, -1))


async def test_a_letter_is_shown_with_text_links_and_named_attachments(browser, send, a_letter):
    letter = a_letter(text="See https://desk.example/t?a=1&b=2 please", html="<p>hi</p>")
    letter.add_attachment(b"data", maintype="image", subtype="svg+xml", filename="схема.svg")
    await send(letter)

    page = await browser.get("/messages/1")
    download = await browser.get("/messages/1/attachments/1")

    assert 'href="https://desk.example/t?a=1&amp;b=2"' in page.text
    assert ">схема.svg</a>" in page.text
    assert download.content == b"data"
    assert download.headers["content-type"] == "application/octet-stream"
    assert download.headers["content-disposition"].startswith("attachment;")
    assert download.headers["x-content-type-options"] == "nosniff"


async def test_html_lives_in_a_frame_where_nothing_runs(browser, send, a_letter):
    await send(a_letter(html="<p>hi</p><script>alert(1)</script>"))

    page = await browser.get("/messages/1", params={"lang": "ru"})
    frame = await browser.get("/messages/1/html")

    iframe = re.search(r"<iframe [^>]*>", page.text)[0]
    assert 'src="/messages/1/html?lang=ru"' in iframe
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in iframe
    assert "srcdoc" not in page.text
    assert "<p>hi</p>" in frame.text
    policy = frame.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy


async def test_the_source_is_plain_text_and_the_file_is_exact(mailbox, browser, send, a_letter):
    await send(a_letter())

    source = await browser.get("/messages/1/source")
    file = await browser.get("/messages/1/file")

    assert source.headers["content-type"] == "text/plain; charset=utf-8"
    assert "Subject: Hello" in source.text
    assert file.content == mailbox.messages()[0].raw


async def test_json_lists_letters_for_one_recipient_since_the_last_seen(browser, send, a_letter):
    for number, to in enumerate(["ann@client.example", "bob@x", "ann@client.example"], start=1):
        await send(a_letter(f"letter {number}", number=number), to=to)

    first = (await browser.get("/api/messages", params={"to": "ANN@client.example"})).json()
    later = await browser.get("/api/messages", params={"to": "ann@client.example", "since": 1})
    whole = (await browser.get("/api/messages/3")).json()

    assert [message["number"] for message in first["messages"]] == [1, 3]
    assert first["last"] == 3
    assert [message["subject"] for message in later.json()["messages"]] == ["letter 3"]
    assert whole["text"].strip() == "A text."
    assert whole["recipients"] == ["ann@client.example"]
    assert ["Message-ID", "<3@support.example>"] in whole["headers"]


async def test_json_waits_for_a_letter_when_asked_to(browser, send, a_letter):
    asked = {"to": "ann@client.example", "wait_seconds": 10}
    waiting = asyncio.create_task(browser.get("/api/messages", params=asked))
    in_vain = await browser.get("/api/messages", params=asked | {"wait_seconds": 0.05})

    await send(a_letter())

    assert in_vain.json() == {"messages": [], "last": 0}
    assert len((await waiting).json()["messages"]) == 1


async def test_the_ledger_is_served_with_its_counts(browser, send, a_letter):
    await send(a_letter())

    document = (await browser.get("/api/ledger")).json()

    assert document["counts"] == {"accepted": 1, "unanswered": 0, "refused": 0, "dropped": 0}
    assert document["entries"][0]["message_id"] == "<1@support.example>"
    assert (await browser.get("/api/ledger", params={"since": 1})).json()["entries"] == []


@pytest.mark.parametrize(
    "path",
    [
        "/messages/9",
        "/messages/9/html",
        "/messages/9/source",
        "/messages/9/file",
        "/messages/9/attachments/1",
        "/messages/1/attachments/9",
        "/api/messages/9",
    ],
)
async def test_what_is_not_there_is_a_404(browser, send, a_letter, path):
    await send(a_letter())

    assert (await browser.get(path)).status_code == 404


async def test_hostile_headers_and_addresses_are_shown_as_text(browser, send, mailbox):
    raw = (
        f"Subject: {HOSTILE}\r\nFrom: {HOSTILE}\r\nX-{'A' * 20}: {HOSTILE}\r\n"
        f"Content-Type: application/x; name*=utf-8''%22%3E%3Cscript%3E%0d%0aX-Evil%3a1\r\n\r\nx"
    ).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", mailbox.smtp_port)
    writer.write(b"EHLO x\r\nMAIL FROM:<a\xff@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n" + raw + b"\r\n.\r\n")
    await mailbox.wait_for(lambda message: message.is_for("b@x"))
    writer.close()

    for path in ("/", "/messages/1", "/api/messages", "/api/messages/1"):
        page = await browser.get(path)
        assert page.status_code == 200
        if not path.startswith("/api"):
            assert "<script" not in page.text
            assert not re.search(r"\s(style|on\w+)=", page.text)
            assert "default-src 'none'" in page.headers["content-security-policy"]
    download = await browser.get("/messages/1/attachments/1")
    assert "x-evil" not in download.headers


async def test_another_name_for_this_machine_is_refused(browser, send, a_letter):
    await send(a_letter())

    answer = await browser.get("/api/messages", headers={"host": "attacker.example"})

    assert answer.status_code == 400
    assert "Hello" not in answer.text
