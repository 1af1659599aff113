"""Readers refuse an event that breaks its own contract: no mail may lead to one."""

import protovalidate
from hypothesis import given, settings
from hypothesis import strategies as st

from otklik_intake.adapters.mail_parser import parse_mail
from otklik_intake.domain import outcome
from otklik_intake.domain.accounts import Accounts
from otklik_intake.domain.events import Evidence
from otklik_intake.domain.items import StoredFile
from otklik_intake.domain.letter import Content
from otklik_intake.domain.reading import read
from otklik_intake.domain.submission import Submission
from otklik_intake.wire import event_message
from otklik_runtime import ids
from otklik_runtime.database import MAX_EVENT_BYTES

HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [b"Subject", b"Message-ID", b"References", b"To", b"Content-Type", b"X-Loop"]
        ),
        st.binary(max_size=700).map(lambda raw: raw.replace(b"\n", b"").replace(b"\r", b"")),
    ),
    max_size=6,
).map(lambda pairs: b"".join(name + b": " + value + b"\r\n" for name, value in pairs))


def said_of(content: Content, an_item, accounts: Accounts) -> None:
    """Read it and hold what is said to the contract."""
    item = an_item()
    reading = read(item, content, accounts=accounts, conversation_of=lambda _: None)
    if reading.finding.quarantine:
        message, _, _ = event_message(outcome.quarantined(reading, item.conversation_id))
    else:
        files = [
            StoredFile.of(file, item_id=item.item_id, position=position)
            for position, file in enumerate(reading.files, start=1)
        ]
        event = outcome.received(reading, ids.new_id(), Evidence.NONE, files)
        message, _, _ = event_message(event)
    protovalidate.validate(message)
    assert message.ByteSize() <= MAX_EVENT_BYTES


def test_mail_of_any_bytes_leads_to_a_valid_event(an_item, accounts):
    @settings(max_examples=200, deadline=None)
    @given(HEADERS, st.binary(max_size=1500), st.binary(max_size=60))
    def check(headers, body, name):
        clean = name.replace(b"\n", b"").replace(b"\r", b"")
        raw = b"From: " + clean + b" <ivan@customer.example>\r\n" + headers + b"\r\n" + body
        said_of(parse_mail(raw), an_item, accounts)

    check()


def test_the_longest_of_everything_fits_into_one_event(an_item, accounts):
    name = "Щ" * 400
    part = (
        f"--B\r\nContent-Type: application/{'x' * 300}\r\n"
        f'Content-Disposition: attachment; filename="{name}.pdf"\r\n\r\nx\r\n'
    )
    raw = (
        f"From: {'Щ' * 900} <{'a' * 200}@customer.example>\r\nSubject: {'Щ' * 3000}\r\n"
        f"Message-ID: <{'m' * 480}@customer.example>\r\n"
        "Content-Type: multipart/mixed; boundary=B\r\n\r\n"
        f"--B\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{'Щ' * 100_000}\r\n"
        f"{part * 300}--B--"
    )

    said_of(parse_mail(raw.encode()), an_item, accounts)


def test_what_a_form_takes_leads_to_a_valid_event(an_item, accounts):
    submission = Submission(
        sender_address="a@b.example",
        sender_name="Щ" * 200,
        subject="Щ" * 500,
        text="Щ" * 100_000,
        locale="",
        service="services/general",
    )

    said_of(submission, an_item, accounts)
