"""A letter is read from any bytes, and its HTML is made harmless."""

import base64
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.mailbox import read_letter
from tools.mailbox.cleaning import cleaned

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def test_a_letter_in_koi8_with_html_and_an_attachment_is_read_whole():
    message = EmailMessage()
    message["Subject"] = "Не печатает принтер"
    message["From"] = "Анна Иванова <ann@client.example>"
    message.set_content("Добрый день", charset="koi8-r")
    message.add_alternative("<p>Добрый день</p>", subtype="html", charset="koi8-r")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Акт № 7.pdf")

    letter = read_letter(message.as_bytes())

    assert letter.subject == "Не печатает принтер"
    assert letter.header("FROM") == "Анна Иванова <ann@client.example>"
    assert letter.text.strip() == "Добрый день"
    assert letter.html.strip() == "<p>Добрый день</p>"
    (attachment,) = letter.attachments
    assert (attachment.name, attachment.content_type) == ("Акт № 7.pdf", "application/pdf")
    assert attachment.content == b"%PDF"


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        (b"Subject: =?utf-8?b?0J/RgNC40LI=?=\r\n =?utf-8?b?0LXRgg==?=\r\n\r\n", "Привет"),
        (b"Subject: plain =?koi8-r?q?=F0=D2?= tail\r\n\r\n", "plain Пр tail"),
        ("Subject: Привет\r\n\r\n".encode(), "Привет"),
        (b"Subject: caf\xe9\r\n\r\n", "café"),
        (b"Subject: =?no-such-charset?b?aGk=?=\r\n\r\n", "hi"),
        (b"Subject: =?utf-8?b?!!!?=\r\n\r\n", "=?utf-8?b?!!!?="),
        (b"subject: folded\r\n  here\r\n\r\n", "folded  here"),
        (b"No-Subject: x\r\n\r\n", ""),
    ],
)
def test_subjects_are_decoded_however_they_are_written(raw, subject):
    assert read_letter(raw).subject == subject


@pytest.mark.parametrize(
    "charset",
    ["no-such", "utf-8; x", "rot13", "base64", "utf-7", "unicode_escape", "", '"'],
)
def test_a_charset_that_lies_costs_no_letter(charset):
    raw = f"Content-Type: text/plain; charset={charset}\r\n\r\nhello \\ud800 \xff".encode("latin-1")

    letter = read_letter(raw)

    assert "hello" in letter.text
    letter.text.encode()


def test_multiparts_without_end_are_still_a_letter():
    raw = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (depth, depth)
        for depth in range(3000)
    )

    assert read_letter(raw).text


def test_a_forwarded_letter_is_an_attachment_with_its_bytes():
    inner = EmailMessage()
    inner["Subject"] = "inside"
    inner.set_content("deep")
    outer = EmailMessage()
    outer.set_content("see below")
    outer.add_attachment(inner)

    letter = read_letter(outer.as_bytes())

    assert letter.text.strip() == "see below"
    assert letter.attachments[0].name == "part-1.eml"
    assert b"Subject: inside" in letter.attachments[0].content


@given(raw=st.binary(max_size=400))
def test_any_bytes_are_a_letter(raw):
    letter = read_letter(raw)

    letter.text.encode()


PIECES = [
    b"Subject: ",
    b"=?iso-2022-jp?b?GyRC?=",
    b"=?utf-8?q?=ED=A0=80?=",
    b"Content-Type: multipart/mixed; boundary=x\r\n",
    b"Content-Type: text/html; charset=utf-7\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: x-uuencode\r\n",
    b"Content-Disposition: attachment; filename*=utf-16''%ff%fe\r\n",
    b"begin 644 x\r\n",
    b"\r\n",
    b"--x\r\n",
    b"--x--\r\n",
    b"\xff\xfe\x00",
    b"+2AA-",
]


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=25))
def test_any_mixture_of_mail_is_a_letter_that_can_be_shown(pieces):
    letter = read_letter(b"".join(pieces))

    shown = [letter.text, letter.html, *(name for pair in letter.headers for name in pair)]
    shown += [attachment.name for attachment in letter.attachments]
    for text in shown:
        text.encode()


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
        "<svg><script>alert(1)</script></svg>",
        "<iframe src='https://evil.example'></iframe>",
        "<form action='https://evil.example'><input name=a></form>",
        "<style>@import 'https://evil.example'</style>",
        "<base href='https://evil.example'>",
        "<meta http-equiv=refresh content='0;url=https://evil.example'>",
        "<p style='background:url(https://evil.example)'>x</p>",
        "<math><mtext></p><style><img src=x onerror=alert(1)></style></mtext></math>",
        "<img src='https://evil.example/pixel.gif'>",
        "<img src='data:image/svg+xml,<svg onload=alert(1)>'>",
        "<table background='https://evil.example/x.gif'><tr><td>x</table>",
    ],
)
def test_nothing_in_a_letter_runs_or_is_fetched(hostile):
    document = cleaned(hostile, (), "en").document.partition("<body>")[2].lower()

    for trace in ("script", "onerror", "onload", "javascript:", "data:", "evil.example", "style="):
        assert trace not in document


def test_links_stay_and_open_apart_from_the_letter():
    document = cleaned('<a href="https://desk.example/rate?t=1">rate</a>', (), "en").document

    assert 'href="https://desk.example/rate?t=1"' in document
    assert 'target="_blank"' in document
    assert 'rel="noopener noreferrer"' in document


def test_pictures_inside_the_letter_are_shown_and_those_elsewhere_are_counted():
    message = EmailMessage()
    message.set_content("x")
    message.add_alternative(
        '<img src="cid:logo"><img src="https://t.example/p.gif"><img src="cid:none">',
        subtype="html",
    )
    message.get_payload()[1].add_related(PNG, "image", "png", cid="<logo>")
    letter = read_letter(message.as_bytes())

    shown = cleaned(letter.html, letter.attachments, "ru")

    assert f'src="data:image/png;base64,{base64.b64encode(PNG).decode()}"' in shown.document
    assert shown.document.count("data:") == 1
    assert shown.foreign_pictures == 1
