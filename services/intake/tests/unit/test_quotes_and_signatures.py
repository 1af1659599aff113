import time

import pytest

from otklik_intake.domain.filters.new_text import new_text

GMAIL_RU = """Спасибо, заработало!

пн, 3 нояб. 2025 г. в 14:00, Служба поддержки <support@desk.example>:

> Добрый день!
> Перезагрузите, пожалуйста, роутер.
"""
GMAIL_RU_UNQUOTED = """Спасибо, заработало!

пн, 3 нояб. 2025 г. в 14:00, Служба поддержки <
support@desk.example>:

> Добрый день!
>
"""
GMAIL_EN = """Thanks, it works now.

On Mon, Nov 3, 2025 at 2:00 PM Support Desk <support@desk.example>
wrote:

> Please restart the router.
"""
OUTLOOK_RU = """Добрый день, вопрос ещё открыт.

С уважением,
Анна Смирнова
+7 900 000-00-00

________________________________
От: Служба поддержки <support@desk.example>
Отправлено: 3 ноября 2025 г. 14:00
Кому: Анна Смирнова
Тема: Re: [OT-000123] Нет интернета

Добрый день! Перезагрузите роутер.
"""
OUTLOOK_EN = """Still broken.

-----Original Message-----
From: Support
Sent: Monday
Restart it.
"""
MAIL_RU = """Не помогло.

Понедельник, 3 ноября 2025, 14:00 +03:00 от Поддержка <support@desk.example>:
>Перезагрузите роутер.
>
"""
YANDEX = """Да, всё верно.

03.11.2025, 14:00, "Служба поддержки" <support@desk.example>:
> Адрес верный?
"""
BOTTOM = """> Адрес верный?

Да, верный.
"""
THUNDERBIRD_RU = """03.11.2025 14:00, Служба поддержки пишет:
> Какой у вас тариф?
«Базовый».
> А модель роутера?
Не знаю.
"""
IPHONE = """Работает

Отправлено с iPhone

> 3 нояб. 2025 г., в 14:00, Поддержка <support@desk.example> написал(а):
>
> Проверьте
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (GMAIL_RU, "Спасибо, заработало!"),
        (GMAIL_RU_UNQUOTED, "Спасибо, заработало!"),
        (GMAIL_EN, "Thanks, it works now."),
        (OUTLOOK_RU, "Добрый день, вопрос ещё открыт."),
        (OUTLOOK_EN, "Still broken."),
        (MAIL_RU, "Не помогло."),
        (YANDEX, "Да, всё верно."),
        (BOTTOM, "Да, верный."),
        (THUNDERBIRD_RU, "«Базовый».\nНе знаю."),
        (IPHONE, "Работает"),
    ],
)
def test_only_the_new_words_are_kept(body, expected):
    assert new_text(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("Нет связи.\n\n-- \nИван Петров\nООО «Ромашка»", "Нет связи."),
        ("No link.\n\nBest regards,\nIvan", "No link."),
        ("Нет связи.\n\nОтправлено из мобильной Яндекс.Почты", "Нет связи."),
        ("No link.\n\nSent from my iPhone", "No link."),
        ("No link.\n\nGet Outlook for iOS", "No link."),
        ("С уважением отнеситесь к просьбе.\nСвязи нет.\nИван", None),
        ("Best, what does it mean?\nI do not know.", None),
    ],
)
def test_a_signature_goes_and_words_that_look_like_one_stay(body, expected):
    assert new_text(body) == (body if expected is None else expected)


def test_a_letter_that_is_only_a_quote_is_kept_whole():
    assert new_text("> Перезагрузите роутер.") == "> Перезагрузите роутер."


def test_a_forwarded_letter_is_what_was_sent():
    body = "Посмотрите, пожалуйста.\n\n-------- Пересылаемое сообщение --------\nОт: a@b\n\n> Счёт"

    assert new_text(body) == body


def test_a_line_with_a_colon_is_no_attribution_when_nothing_is_quoted():
    body = "Он сказал мне и написал:\nприходите завтра."

    assert new_text(body) == body


@pytest.mark.parametrize(
    "line",
    [
        "on " * 50_000,
        "wrote" * 30_000,
        "-" * 150_000,
        " <" * 70_000,
        "а" * 150_000 + ":",
        "_" * 99_999 + "\n> x",
    ],
)
def test_hostile_lines_take_no_longer_than_others(line):
    started = time.perf_counter()

    new_text("\n".join([line] * 3))

    assert time.perf_counter() - started < 1
