from dataclasses import replace

import pytest

from otklik_intake.domain.addresses import Mailbox
from otklik_intake.domain.events import Evidence
from otklik_intake.domain.filters.automatic import find_automatic
from otklik_intake.domain.filters.references import find_references
from otklik_intake.domain.filters.sender import find_sender
from otklik_intake.domain.filters.thread_token import find_conversation
from otklik_intake.domain.language import of_text

TOKEN = "a" + "b2" * 20
FORGED = "a" + "c3" * 20
CONVERSATION = "01900000-0000-7000-8000-000000000001"


def test_a_letter_without_from_is_quarantined(a_letter, a_scene, nothing_yet):
    assert find_sender(a_letter(senders=()), a_scene(), nothing_yet).quarantine == "no_sender"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("auto-submitted", "auto-replied"),
        ("auto-submitted", "auto-generated; owner-email=x"),
        ("precedence", "bulk"),
        ("precedence", "List"),
        ("x-auto-response-suppress", "DR, OOF"),
        ("x-autoreply", "yes"),
        ("list-id", "<news.example>"),
        ("list-unsubscribe", "<mailto:x@y>"),
        ("x-loop", "support@desk.example"),
        ("content-type", "multipart/report; report-type=delivery-status"),
    ],
)
def test_mail_that_says_a_machine_wrote_it_is_automatic(
    name, value, a_letter, a_scene, nothing_yet
):
    assert find_automatic(a_letter({name: value}), a_scene(), nothing_yet).automatic


@pytest.mark.parametrize(
    "address", ["mailer-daemon@x.example", "noreply@x.example", "no-reply+7@x.example"]
)
def test_mail_of_a_machines_address_is_automatic(address, a_letter, a_scene, nothing_yet):
    sender = Mailbox(name="", address=address)
    letter = a_letter(senders=(sender,))

    assert find_automatic(letter, a_scene(), replace(nothing_yet, sender=sender)).automatic


def test_our_own_mail_that_comes_back_is_automatic(a_letter, a_scene, nothing_yet):
    finding = replace(nothing_yet, sender=Mailbox(name="", address="support+x@desk.example"))

    assert find_automatic(a_letter(), a_scene(), finding).automatic


@pytest.mark.parametrize(
    "headers",
    [{}, {"auto-submitted": "no"}, {"precedence": "normal"}, {"x-auto-response-suppress": "none"}],
)
def test_a_persons_mail_is_not_automatic(headers, a_letter, a_scene, nothing_yet):
    finding = find_sender(a_letter(headers), a_scene(), nothing_yet)

    assert not find_automatic(a_letter(headers), a_scene(), finding).automatic


def test_a_token_in_the_recipient_names_the_conversation(a_letter, a_scene, nothing_yet):
    scene = a_scene(recipients=(f"Support+{TOKEN}@desk.example",))

    finding = find_conversation(a_letter(), scene, nothing_yet)

    assert finding.conversation_id == CONVERSATION
    assert finding.evidence is Evidence.TOKEN


@pytest.mark.parametrize(
    "fields",
    [
        {"references": (f"<otklik.{TOKEN}.0190@desk.example>",)},
        {"in_reply_to": (f"<otklik.{TOKEN}.0190@desk.example>",)},
        {"text": f"Спасибо\n> [otklik:{TOKEN}]"},
        {"to": (Mailbox(name="", address=f"support+{TOKEN}@desk.example"),)},
    ],
)
def test_a_token_is_found_wherever_mailers_leave_it(fields, a_letter, a_scene, nothing_yet):
    assert (
        find_conversation(a_letter(**fields), a_scene(), nothing_yet).conversation_id
        == CONVERSATION
    )


def test_a_forged_token_is_counted_and_nothing_else_is_believed(a_letter, a_scene, nothing_yet):
    letter = a_letter(references=("<1@customer.example>",), message_id="<2@customer.example>")
    scene = a_scene(recipients=(f"support+{FORGED}@desk.example",))

    finding = find_references(letter, scene, find_conversation(letter, scene, nothing_yet))

    assert finding.forged_tokens == 1
    assert finding.conversation_id == ""
    assert finding.answers_to == ()


def test_a_plus_that_is_no_token_means_nothing(a_letter, a_scene, nothing_yet):
    scene = a_scene(recipients=("support+vpn@desk.example",))

    assert find_conversation(a_letter(), scene, nothing_yet).forged_tokens == 0


def test_all_ids_are_remembered_and_the_nearest_is_asked_first(a_letter, a_scene, nothing_yet):
    letter = a_letter(
        message_id="<3@c.example>",
        in_reply_to=("<2@c.example>",),
        references=("<1@c.example>", "<2@c.example>"),
    )

    finding = find_references(letter, a_scene(), nothing_yet)

    assert finding.answers_to == ("<2@c.example>", "<1@c.example>")
    assert finding.remembers == ("<3@c.example>", "<2@c.example>", "<1@c.example>")


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("Не работает интернет", "ru"),
        ("It does not work", "en"),
        ("При входе пишет: HTTP 500 Internal Server Error", "ru"),
        ("I pressed «Да» and it stopped working", "en"),
        ("???", "ru"),
        ("", "ru"),
    ],
)
def test_the_language_is_found_from_the_words(text, locale):
    assert of_text(text, default="ru") == locale
