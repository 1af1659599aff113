"""Whatever the bytes are: the parser answers, its answer can be stored, and both ways agree."""

import json
import random
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otklik_intake.adapters import parser_frames
from otklik_intake.adapters.html_cleaner import clean
from otklik_intake.adapters.mail_parser import parse, parse_mail
from otklik_intake.domain import filenames, fingerprint
from otklik_intake.domain.filters.new_text import new_text
from otklik_intake.domain.html_text import words_of
from otklik_intake.domain.letter import Letter
from otklik_intake.domain.weight import is_heavy
from otklik_intake.entrypoints.cli import described

PIECES = (
    b"From: ", b"Subject: ", b"Content-Type: ", b"multipart/mixed; boundary=", b"B", b"--B\r\n",
    b"text/plain; charset=", b"--B--", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"=?utf-8?B?", b"?=",
    b"=?koi8-r?Q?", b"=D0", b"\x00", b"\xff\xfe", b"\xd0", b"quoted-printable", b"message/rfc822",
    b"Content-Transfer-Encoding: base64\r\n", b"filename*0*=utf-8''", b"%D0", b'name="', b'"', b"<",
    b">", b"@", b"(", b")", b"a", b"utf-7", b"+2AA-", b"<p>", b"<style>", b"> ", b"wrote:",
    b"-- \n", b"iso-2022-jp", b"\x1b$B", b";", b",", b":", b" ", b"\t",
)  # fmt: skip


def storable(letter: Letter) -> None:
    """Assert that no field holds what a database or an event refuses."""
    texts = [letter.subject, letter.text, letter.html, letter.message_id, letter.date]
    texts += [*letter.in_reply_to, *letter.references]
    texts += [
        part
        for one in (*letter.senders, *letter.to, *letter.cc)
        for part in (one.name, one.address)
    ]
    texts += [
        part
        for file in letter.files
        for part in (file.filename, file.content_type, file.content_id)
    ]
    for text in texts:
        text.encode()
    for file in letter.files:
        assert file.filename
        assert "\x00" not in file.filename + file.content_type + file.content_id
        assert "/" not in file.filename
        assert len(file.filename) <= filenames.MAX_LENGTH
    assert "\x00" not in letter.subject + new_text(letter.text)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_are_read(raw):
    storable(parse_mail(raw))


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=120).map(b"".join))
def test_any_mixture_of_what_mail_is_made_of_is_read(raw):
    letter = parse_mail(raw)

    storable(letter)
    described(letter, clean)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=80).map(b"".join))
def test_a_letter_survives_the_way_through_the_pipe(raw):
    letter = parse_mail(raw)

    line, *blobs = parser_frames.answer(letter)

    assert parser_frames.content_of(json.loads(line), blobs) == letter


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=500),
    st.sampled_from(["message/rfc822", "application/vnd.otklik.submission+json"]),
)
def test_either_kind_of_original_is_read(raw, media_type):
    parse(raw, media_type)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=500))
def test_any_html_gives_words(html):
    assert isinstance(words_of(html), str)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_any_file_name_becomes_a_safe_one(name):
    cleaned = filenames.clean(name, content_type="application/pdf", position=1)

    assert cleaned
    assert not set(cleaned) & set("/\\\x00\r\n\u202e")
    assert filenames.clean(cleaned, content_type="application/pdf", position=1) == cleaned


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=1000))
def test_every_mail_has_an_id_that_can_be_kept(raw):
    external_id, digest = fingerprint.of_mail(raw)

    external_id.encode("ascii")
    assert "\x00" not in external_id
    assert 0 < len(external_id) <= 500 + len("sha256:")
    assert len(digest) == 32


@settings(max_examples=150, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=60),
    st.text(
        st.characters(exclude_categories=["C"], include_characters="\n"), min_size=1, max_size=400
    ),
    st.binary(min_size=1, max_size=300),
)
def test_what_a_mailer_wrote_is_what_is_read(subject, text, content):
    mail = EmailMessage()
    mail["From"] = "Иван Петров <ivan@customer.example>"
    mail["Subject"] = subject
    mail.set_content(text)
    mail.add_attachment(content, maintype="application", subtype="pdf", filename="счёт за март.pdf")

    letter = parse_mail(mail.as_bytes())

    assert letter.senders[0].name == "Иван Петров"
    assert letter.subject == subject.strip()
    assert letter.text.split() == text.split()
    assert [(file.filename, file.content) for file in letter.files] == [
        ("счёт за март.pdf", content)
    ]


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_mail_is_read_as_far_as_it_goes(seed):
    mail = EmailMessage()
    mail["From"] = "Иван <ivan@customer.example>"
    mail["Subject"] = "Не работает"
    mail.set_content("Здравствуйте!\n" * 20)
    mail.add_alternative("<p>Здравствуйте!</p>", subtype="html")
    mail.add_attachment(b"x" * 500, maintype="image", subtype="png", filename="экран.png")
    raw = bytearray(mail.as_bytes())
    chance = random.Random(seed)  # noqa: S311 - damage, not secrets
    for _ in range(30):
        place = chance.randrange(len(raw))
        raw[place : place + chance.randrange(4)] = chance.randbytes(chance.randrange(4))

    storable(parse_mail(bytes(raw)))


@pytest.mark.parametrize(
    ("raw", "heavy"),
    [
        (b"From: a@b\r\n\r\nhello", False),
        (b"From: a@b\r\n\r\n" + b"x" * 300_000, True),
        (b"From: a@b\r\n\r\n" + b"\r\n--B" * 500, True),
        (b"X: y\r\n" * 20_000 + b"\r\n", True),
    ],
)
def test_what_may_take_long_is_told_from_its_bytes(raw, heavy):
    assert is_heavy(raw) is heavy
