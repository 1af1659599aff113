"""Every mail is read back with the standard library's parser, whatever it is made of."""

import email
import email.policy
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage, Message

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otklik_notify.adapters.mime import HeaderBroken, wire_bytes
from otklik_notify.domain.mail import Mail, one_line
from otklik_notify.domain.notices import Automatic

DATE = datetime(2026, 11, 24, 8, 40, tzinfo=UTC)
LONG_TOKEN = "a" + "b2" * 30


def a_mail(**changes: object) -> Mail:
    facts = {
        "recipient": "ivan@example.org",
        "envelope_sender": "bounce+b@example.com",
        "from_name": "Служба поддержки",
        "from_address": "support@example.com",
        "reply_to": f"support+{LONG_TOKEN}@example.com",
        "subject": "Re: [OT-000123] Не работает касса",
        "text": "Здравствуйте!\n\nСпасибо.\n",
        "html": "<p>Здравствуйте!</p>",
        "internet_message_id": (
            f"<otklik.{LONG_TOKEN}.01234567-89ab-5123-8123-0123456789ab@example.com>"
        ),
    }
    return Mail(**{**facts, **changes})


def written(mail: Mail) -> bytes:
    return wire_bytes(mail, date=DATE, locale="ru")


def read(mail: Mail) -> Message:
    return email.message_from_bytes(written(mail), policy=email.policy.compat32)


def modern(mail: Mail) -> EmailMessage:
    parsed = email.message_from_bytes(written(mail), policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def decoded(value: object) -> str:
    return str(make_header(decode_header(str(value))))


def test_text_and_html_stand_side_by_side():
    mail = modern(a_mail())

    assert mail.get_content_type() == "multipart/alternative"
    plain, html = mail.iter_parts()
    assert plain.get_content() == "Здравствуйте!\r\n\r\nСпасибо.\r\n"
    assert html.get_content() == "<p>Здравствуйте!</p>\r\n"


def test_long_identifiers_stay_in_one_piece():
    mail = a_mail(
        in_reply_to=f"<{'x' * 200}@example.org>",
        references=tuple(f"<{letter * 60}@example.org>" for letter in "abc"),
    )

    raw = written(mail).decode()
    for identifier in (
        mail.internet_message_id,
        mail.reply_to,
        mail.in_reply_to,
        *mail.references,
    ):
        assert identifier in raw


def test_references_are_folded_between_them():
    mail = a_mail(references=tuple(f"<{letter * 60}@example.org>" for letter in "abc"))

    assert read(mail)["References"].split() == list(mail.references)


def test_an_agents_mail_does_not_call_itself_automatic():
    mail = read(a_mail())

    assert mail["Auto-Submitted"] is None
    assert mail["Precedence"] is None


@pytest.mark.parametrize("automatic", [Automatic.REPLIED, Automatic.GENERATED])
def test_a_machines_mail_says_so_in_every_way_there_is(automatic):
    mail = read(a_mail(automatic=automatic))

    assert mail["Auto-Submitted"] == automatic
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Precedence"] == "bulk"
    assert mail["X-Loop"] == "support@example.com"


def test_the_same_mail_gives_the_same_bytes():
    assert written(a_mail()) == written(a_mail())


@pytest.mark.parametrize(
    "field", ["subject", "from_name", "from_address", "recipient", "reply_to", "in_reply_to"]
)
@pytest.mark.parametrize("injected", ["a\r\nBcc: x@y.z", "a\nBcc: x@y.z", "a\rb", "a\x00b"])
def test_a_line_break_in_a_header_is_refused(field, injected):
    with pytest.raises(HeaderBroken):
        written(a_mail(**{field: injected}))


@settings(deadline=None)
@given(text=st.text(max_size=200))
def test_any_subject_once_cleaned_reads_back_as_it_was(text):
    subject = one_line(text.encode("utf-8", "ignore").decode())

    assert decoded(read(a_mail(subject=subject))["Subject"]).split() == subject.split()


@settings(deadline=None)
@given(text=st.text(max_size=100))
def test_any_name_once_cleaned_leaves_the_address_alone(text):
    name = one_line(text.encode("utf-8", "ignore").decode())
    header = read(a_mail(from_name=name))["From"]

    assert header.endswith("<support@example.com>")
    assert "\n\n" not in header


@settings(deadline=None)
@given(text=st.text(max_size=300))
def test_any_text_arrives(text):
    text = text.encode("utf-8", "ignore").decode()
    plain, _ = modern(a_mail(text=text)).iter_parts()

    assert plain.get_content().splitlines() == text.splitlines() or not text


@settings(deadline=None)
@given(text=st.text(max_size=300), subject=st.text(max_size=100))
def test_no_line_is_longer_than_smtp_allows_and_all_is_ascii(text, subject):
    raw = written(
        a_mail(
            text=text.encode("utf-8", "ignore").decode(),
            subject=one_line(subject.encode("utf-8", "ignore").decode()),
        )
    )

    assert raw.isascii()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
