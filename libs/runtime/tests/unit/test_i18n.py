import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from otklik_runtime.i18n import Catalogue, CatalogueRefused, format_date, format_datetime, locale_of

RU = """
greeting: "Здравствуйте, {name}!"
inbox:
  waiting:
    one: "{count} письмо ждёт"
    few: "{count} письма ждут"
    many: "{count} писем ждут"
    other: "{count} письма ждут"
"""
EN = """
greeting: "Hello, {name}!"
inbox:
  waiting:
    one: "{count} letter waits"
    other: "{count} letters wait"
"""


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def load(ru: str, en: str) -> Catalogue:
        folder = tmp_path / "sample_texts"
        (folder / "locales").mkdir(parents=True)
        (folder / "__init__.py").write_text("")
        (folder / "locales/ru.yaml").write_text(ru)
        (folder / "locales/en.yaml").write_text(en)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "sample_texts", raising=False)
        return Catalogue.load("sample_texts")

    return load


def test_a_text_is_given_in_the_readers_language(load):
    catalogue = load(RU, EN)

    assert catalogue.translate("ru", "greeting", name="Анна") == "Здравствуйте, Анна!"
    assert catalogue.translate("en-GB", "greeting", name="Anna") == "Hello, Anna!"
    assert catalogue.translate("de", "greeting", name="Anna") == "Здравствуйте, Anna!"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1, "1 письмо ждёт"),
        (3, "3 письма ждут"),
        (11, "11 писем ждут"),
        (21, "21 письмо ждёт"),
        (25, "25 писем ждут"),
    ],
)
def test_russian_has_its_plural_forms(load, count: int, text: str):
    assert load(RU, EN).translate("ru", "inbox.waiting", count=count) == text


def test_a_fact_is_never_taken_for_a_pattern(load):
    assert load(RU, EN).translate("en", "greeting", name="{name} {0}") == "Hello, {name} {0}!"


@pytest.mark.parametrize(
    ("ru", "en", "complaint"),
    [
        (RU + 'extra: "Ещё"\n', EN, "en lacks the text extra"),
        (RU, EN.replace("{name}", "{who}"), "greeting uses other facts"),
        (RU.replace("    few: ", "    fwe: "), EN, "needs exactly the forms few, many, one, other"),
        (RU, EN + "number: 7\n", "the text number must be a string"),
        (RU, EN + "  : : [", "is no YAML"),
    ],
)
def test_languages_that_do_not_agree_are_refused_at_the_start(
    load, ru: str, en: str, complaint: str
):
    with pytest.raises(CatalogueRefused, match=complaint):
        load(ru, en)


@pytest.mark.parametrize(
    ("wanted", "locale"),
    [
        ("", "ru"),
        ("en", "en"),
        ("de-DE,en;q=0.7,ru;q=0.3", "en"),
        ("ru;q=0.1, en-US;q=0.9", "en"),
        ("en;q=0, ru;q=0.1", "ru"),
        ("fr", "ru"),
        ("en;q=nonsense", "ru"),
    ],
)
def test_the_language_is_the_best_we_speak_of_those_asked_for(wanted: str, locale: str):
    assert locale_of(wanted) == locale


def test_an_instant_is_written_with_its_zone():
    instant = datetime(2026, 3, 2, 21, 30, tzinfo=UTC)

    assert format_datetime("ru", instant, "Europe/Moscow") == "3 марта 2026 г., 00:30 (UTC+3)"
    assert format_datetime("en", instant, "UTC") == "2 March 2026, 21:30 (UTC)"
    assert format_datetime("en", instant, "America/St_Johns").endswith("(UTC−3:30)")
    assert format_date("ru", instant, "Europe/Moscow") == "3 марта 2026 г."
