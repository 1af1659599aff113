import time

import pytest

from otklik_intake.adapters.html_cleaner import clean
from otklik_intake.adapters.mail_parser import parse_mail
from otklik_intake.domain import fingerprint
from otklik_intake.domain.filters.new_text import new_text
from otklik_intake.domain.html_text import words_of
from otklik_intake.domain.weight import MAX_TAME_BYTES, MAX_TAME_HEADER_BYTES

FROM = b"From: ivan@customer.example\r\n"
HTML = FROM + b"Content-Type: text/html\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (FROM + b"\r\nhello", "hello"),
        (FROM + b"Content-Type: text; charset=us-ascii\r\n\r\nhello", "hello"),
        (FROM + b"Content-Type: multipart/mixed\r\n\r\nno border at all", "no border at all"),
        (FROM + b"Content-Type: multipart/mixed; boundary=B\r\n\r\nnever begun", "never begun"),
        (
            FROM + b"Content-Type: multipart/mixed; boundary=foo\r\n\r\n--foo\r\n"
            b"Content-Type: text/plain\r\nbar\r\n\r\n--foo--",
            "bar",
        ),
        (
            FROM + b"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n"
            b"Content-Type: text/plain\r\n\r\nnever ended",
            "never ended",
        ),
        (FROM + b"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8", "hello"),
        (
            FROM + b"Content-Type: text/plain; name=a.txt\r\nContent-Disposition: inline\r\n\r\nhi",
            "hi",
        ),
        (b"\xef\xbb\xbf" + FROM + b"\r\nhello", "hello"),
        (b"no headers at all", ""),
    ],
)
def test_a_body_is_found_however_the_mail_is_built(raw, text):
    assert parse_mail(raw).text.strip() == text


def test_the_plain_body_is_preferred_and_the_other_kept():
    letter = parse_mail(
        FROM + b"Content-Type: multipart/alternative; boundary=B\r\n\r\n"
        b"--B\r\nContent-Type: text/plain\r\n\r\nplain\r\n"
        b"--B\r\nContent-Type: text/html\r\n\r\n<p>rich</p>\r\n--B--\r\n"
    )

    assert letter.text == "plain"
    assert "rich" in letter.html


def test_a_mail_inside_a_mail_stays_whole():
    letter = parse_mail(
        FROM + b"Content-Type: multipart/mixed; boundary=B\r\n\r\n"
        b"--B\r\n\r\nsee below\r\n"
        b"--B\r\nContent-Type: message/rfc822\r\n\r\nFrom: x@y\r\nSubject: inner\r\n\r\ninner\r\n"
        b"--B--\r\n"
    )

    (inner,) = letter.files
    assert letter.text == "see below"
    assert inner.filename == "message-1.eml"
    assert b"Subject: inner" in inner.content


@pytest.mark.parametrize(
    ("disposition", "filename"),
    [
        (b"attachment; filename*0*=UTF-8''%D0%9F%D1; filename*1*=%80%D0%B8.pdf", "При.pdf"),
        (b"attachment; filename*=koi8-r''%F0%F2%E9.pdf", "ПРИ.pdf"),
        (b'attachment; filename="=?koi8-r?B?8NLJ?=.pdf"', "При.pdf"),
        (b'attachment; filename="' + "счёт.pdf".encode("cp1251") + b'"', "счёт.pdf"),
        (b'attachment; filename="' + "счёт.pdf".encode() + b'"', "счёт.pdf"),
        (b'attachment; filename="C:\\temp\\report.pdf"', "report.pdf"),
        (b'attachment; filename="../../etc/passwd"', "passwd"),
        (b"attachment", "file-1.pdf"),
    ],
)
def test_file_names_are_read_in_every_way_they_are_written(disposition, filename):
    letter = parse_mail(
        FROM + b"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\nhi\r\n"
        b"--B\r\nContent-Type: application/pdf\r\nContent-Disposition: " + disposition + b"\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n--B--\r\n"
    )

    assert [(file.filename, file.content) for file in letter.files] == [(filename, b"%PDF")]


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<p>One</p><p>Two<br>three</p>", "One\n\nTwo\nthree"),
        ("a &lt; b &amp; c&nbsp;d", "a < b & c d"),
        ("<head><title>x</title>", ""),
        ("<head><style>p{}</style><body>seen", "seen"),
        ("<script>if (a < b) alert('<p>')</script>seen", "seen"),
        ("<!-- <p>hidden</p> -->seen<!-- open", "seen"),
        (
            "said<blockquote>quoted<div>more</div></blockquote>after",
            "said\n> quoted\n> more\nafter",
        ),
        ("5 < 6 and <3", "5 < 6 and <3"),
    ],
)
def test_html_gives_its_words(html, words):
    assert words_of(html) == words


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<img src=https://tracker.example/1.gif>",
        "<a href='javascript:alert(1)'>x</a>",
        "<p style='background:url(x)' onclick=alert(1)>x</p>",
        "<iframe src=x></iframe><form action=x><input></form><svg onload=alert(1)>",
        "<meta http-equiv=refresh content='0;url=x'><base href=x><link rel=stylesheet href=x>",
    ],
)
def test_nothing_in_html_can_run_or_load(html):
    cleaned = clean(html)

    for forbidden in (
        "script",
        "alert",
        "tracker",
        "style",
        "iframe",
        "form",
        "svg",
        "meta",
        "link",
    ):
        assert forbidden not in cleaned


def test_links_and_pictures_of_the_mail_itself_are_kept():
    cleaned = clean('<a href="https://a.example">x</a><img src="cid:1" alt="screen">')

    assert 'href="https://a.example"' in cleaned
    assert "noopener" in cleaned
    assert 'src="cid:1"' in cleaned


def filled(piece: bytes, *, size: int, before: bytes = b"") -> bytes:
    return (before + piece * (size // len(piece)))[:size]


HEADER = MAX_TAME_HEADER_BYTES
BODY = MAX_TAME_BYTES


@pytest.mark.parametrize(
    "raw",
    [
        filled(b"X: y\r\n", size=HEADER, before=FROM) + b"\r\nhi",
        filled(b" z\r\n", size=HEADER, before=FROM + b"X: y\r\n") + b"\r\nhi",
        filled(b'"a, ', size=HEADER, before=FROM + b"To: ") + b"\r\n\r\nhi",
        filled(b"(", size=HEADER, before=FROM + b"To: ") + b"\r\n\r\nhi",
        filled(b"=?", size=HEADER, before=FROM + b"Subject: ") + b"\r\n\r\nhi",
        filled(b"=?utf-8?q?=D0?= ", size=HEADER, before=FROM + b"Subject: ") + b"\r\n\r\nhi",
        filled(b"\r\n ", size=HEADER, before=FROM + b"Message-ID:") + b"\r\n\r\nhi",
        filled(b"<", size=HEADER, before=FROM + b"References: ") + b"\r\n\r\nhi",
        *(
            filled(piece, size=BODY, before=HTML)
            for piece in (b"<", b"<a ", b"<div>", b"</", b"<!--", b"&#x", b"<p>x</p>", b"<script>")
        ),
        *(
            filled(piece, size=BODY, before=FROM + b"\r\n")
            for piece in (
                b"> a\r\n",
                b"a\r\n",
                b"From: a\r\n",
                b"-- \r\n",
                b" ",
                b" " * 9000 + b"x\r\n",
            )
        ),
        filled(b"Content-Type: message/rfc822\r\n\r\n", size=BODY, before=FROM),
        filled(b"!", size=BODY, before=FROM + b"Content-Transfer-Encoding: base64\r\n\r\n"),
    ],
)
def test_hostile_mail_that_counts_as_tame_is_read_quickly(raw):
    started = time.process_time()

    new_text(parse_mail(raw).text)
    fingerprint.of_mail(raw)

    # A tenth of it on an idle machine; quadratic reading would take minutes.
    assert time.process_time() - started < 1.5
