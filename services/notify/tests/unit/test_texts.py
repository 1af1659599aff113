"""Every text that leaves, in every language: it is there and says what it must."""

from datetime import UTC, datetime
from importlib.resources import files

import pytest
from jinja2 import UndefinedError

from otklik_notify.adapters.moments import last_day, moment
from otklik_notify.adapters.texts import FileTexts
from otklik_notify.domain.commands import Deadline
from otklik_notify.domain.notices import TEMPLATES
from otklik_runtime.i18n import LOCALES, Catalogue

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
FACTS = {
    "number": "OT-000123",
    "subject": "Не работает касса",
    "organisation": "Служба поддержки",
    "token": "aabbccddeeffgghh2233",
    "page": "https://desk.example.com/c/token",
    "now": NOW,
    "service": "Кассы",
    "first_response": Deadline(
        kind="first_response",
        due_at=datetime(2026, 11, 24, 8, 40, tzinfo=UTC),
        time_zone="Europe/Moscow",
    ),
    "resolution": None,
    "text": "Перезагрузите кассу.",
    "author": "Анна",
    "expires_at": datetime(2026, 12, 24, 20, 0, tzinfo=UTC),
}


@pytest.fixture(scope="module")
def texts() -> FileTexts:
    return FileTexts(Catalogue.load("otklik_notify"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
@pytest.mark.parametrize("locale", LOCALES)
def test_every_template_is_there_in_every_language(template, locale):
    folder = files("otklik_notify") / "templates" / locale

    for extension in ("txt", "html"):
        assert (folder / f"{template.key}.{extension}").is_file()


def test_no_text_is_there_that_nothing_leads_to():
    keys = {template.key for template in TEMPLATES}
    for locale in LOCALES:
        for path in (files("otklik_notify") / "templates" / locale).iterdir():
            assert path.name.rpartition(".")[0] in keys | {"_letter"}


def test_every_event_of_the_table_is_heard():
    from otklik_notify.entrypoints.subscriptions import HEARD  # noqa: PLC0415

    heard = {kind.DESCRIPTOR.name for events in HEARD.values() for kind in events}
    assert {template.event for template in TEMPLATES} <= heard


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
@pytest.mark.parametrize("locale", LOCALES)
def test_every_text_carries_the_thread_and_no_trace_of_its_making(texts, template, locale):
    rendered = texts.render(template.key, locale, FACTS)

    for body in (rendered.text, rendered.html):
        assert "[otklik:aabbccddeeffgghh2233]" in body
        assert "OT-000123" in body
        assert "{" not in body
        assert "None" not in body
    assert "\n\n\n" not in rendered.text
    assert "OT-000123" in rendered.subject


def test_the_acknowledgement_names_number_service_and_deadline(texts):
    text = texts.render("acknowledgement", "ru", FACTS).text

    assert "Номер: OT-000123" in text
    assert "Услуга: Кассы" in text
    assert "Ответим не позднее: вт 24 ноября, 11:40 (МСК)" in text
    assert "Решим" not in text
    assert "https://desk.example.com/c/token" in text


def test_the_acknowledgement_in_english(texts):
    text = texts.render("acknowledgement", "en", FACTS).text

    assert "You will have our answer by: Tue 24 November, 11:40 (Moscow time)" in text


def test_without_a_deadline_none_is_named(texts):
    for locale, word in (("ru", "не позднее"), ("en", " by:")):
        rendered = texts.render("acknowledgement", locale, {**FACTS, "first_response": None})
        assert word not in rendered.text
        assert word not in rendered.html


def test_what_people_wrote_is_escaped_in_html(texts):
    hostile = {
        **FACTS,
        "text": "<script>alert(1)</script>\n\n<a href='javascript:x'>y</a>",
        "author": "<img src=x onerror=y>",
        "organisation": "<b>",
        "service": "<i>",
    }
    for template in TEMPLATES:
        html = texts.render(template.key, "ru", hostile).html
        assert "<script" not in html
        assert "<img" not in html
        assert "<b>" not in html
        assert "<i>" not in html
        assert 'href="javascript' not in html
        assert "href='javascript" not in html


def test_plain_text_stays_as_it_was_written(texts):
    text = texts.render("answer", "ru", {**FACTS, "text": "a < b && c > d\n\n  x"}).text

    assert "a < b && c > d" in text


def test_addresses_in_an_answer_become_links(texts):
    html = texts.render("answer", "ru", {**FACTS, "text": "см. https://example.org/a?b=1&c=2"}).html

    assert '<a href="https://example.org/a?b=1&amp;c=2"' in html


def test_an_answer_has_paragraphs(texts):
    html = texts.render("answer", "ru", {**FACTS, "text": "один\nдва\n\nтри"}).html

    assert "<p>один<br>\nдва</p>" in html
    assert "<p>три</p>" in html


def test_a_fact_that_nobody_gave_is_an_error(texts):
    facts = {name: value for name, value in FACTS.items() if name != "author"}

    with pytest.raises(UndefinedError):
        texts.render("answer", "ru", facts)


def test_a_mail_without_subject_gets_one(texts):
    assert texts.render("answer", "ru", {**FACTS, "subject": ""}).subject == (
        "Re: [OT-000123] Ваше обращение"
    )


@pytest.mark.parametrize(
    ("zone", "ru", "en"),
    [
        ("Europe/Moscow", "вт 24 ноября, 11:40 (МСК)", "Tue 24 November, 11:40 (Moscow time)"),
        ("Asia/Yekaterinburg", "вт 24 ноября, 13:40 (UTC+5)", "Tue 24 November, 13:40 (UTC+5)"),
        ("Asia/Kolkata", "вт 24 ноября, 14:10 (UTC+5:30)", "Tue 24 November, 14:10 (UTC+5:30)"),
        ("America/New_York", "вт 24 ноября, 03:40 (UTC−5)", "Tue 24 November, 03:40 (UTC−5)"),
        ("", "вт 24 ноября, 08:40 (UTC)", "Tue 24 November, 08:40 (UTC)"),
        ("Mars/Olympus", "вт 24 ноября, 08:40 (UTC)", "Tue 24 November, 08:40 (UTC)"),
    ],
)
def test_an_instant_is_told_in_the_calendars_zone(zone, ru, en):
    instant = datetime(2026, 11, 24, 8, 40, tzinfo=UTC)

    assert moment("ru", instant, zone, now=NOW) == ru
    assert moment("en", instant, zone, now=NOW) == en


def test_another_year_is_named():
    instant = datetime(2027, 1, 11, 6, 0, tzinfo=UTC)

    assert moment("ru", instant, "Europe/Moscow", now=NOW) == "пн 11 января 2027 г., 09:00 (МСК)"
    assert moment("en", instant, "UTC", now=NOW) == "Mon 11 January 2027, 06:00 (UTC)"


def test_the_last_day_is_whole_wherever_the_customer_is():
    assert last_day("ru", datetime(2026, 12, 24, 20, 0, tzinfo=UTC)) == "23 декабря 2026 г."
    assert last_day("en", datetime(2026, 12, 24, 20, 0, tzinfo=UTC)) == "23 December 2026"
