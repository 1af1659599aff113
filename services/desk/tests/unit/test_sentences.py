"""What customers are told about time, word for word, in both languages."""

from datetime import timedelta

import pytest

from otklik_desk.domain.clocks import ClockKind, ClockState
from otklik_desk.domain.people import short_name
from otklik_desk.domain.sentences import deadline_sentences
from otklik_desk.domain.tickets import StateMeaning

RESOLUTION = {"kind": ClockKind.RESOLUTION}
PAUSED = {"state": ClockState.PAUSED, "due": None, "kind": ClockKind.RESOLUTION}
LEFT = {"target": timedelta(hours=8), "elapsed": timedelta(hours=4, minutes=50)}

# name -> (meaning, now, clock, resolved at, worker, Russian, English)
GOLDEN = {
    "first answer due": (
        StateMeaning.OPEN,
        "13:50",
        {"due": "15:30"},
        None,
        "",
        "Ответим сегодня до 15:30 (через 1 ч 40 мин)",
        "We will reply by 15:30 today (in 1 h 40 min)",
    ),
    "next answer due tomorrow": (
        StateMeaning.OPEN,
        "13:50",
        {"kind": ClockKind.NEXT_RESPONSE, "due": "2026-11-21 10:00"},
        None,
        "Анна П.",
        "Ответим завтра до 10:00 (через 20 ч 10 мин)",
        "We will reply by 10:00 tomorrow (in 20 h 10 min)",
    ),
    "progress due": (
        StateMeaning.OPEN,
        "13:50",
        {"kind": ClockKind.UPDATE, "due": "14:20"},
        None,
        "",
        "Расскажем, как идут дела, сегодня до 14:20 (через 30 мин)",
        "We will tell you how it is going by 14:20 today (in 30 min)",
    ),
    "less than a minute left": (
        StateMeaning.OPEN,
        "15:29",
        {"due": "2026-11-20 15:29:40"},
        None,
        "",
        "Ответим сегодня до 15:29: осталось меньше минуты",
        "We will reply by 15:29 today: less than a minute left",
    ),
    "resolution due": (
        StateMeaning.OPEN,
        "13:50",
        {**RESOLUTION, "due": "2026-11-24 18:00"},
        None,
        "Анна П.",
        "Решим до вт, 24 ноября, 18:00. Работает Анна П.",
        "We will resolve this by Tue 24 Nov, 18:00. Анна П. is on it",
    ),
    "resolution due in another year": (
        StateMeaning.OPEN,
        "13:50",
        {**RESOLUTION, "due": "2027-01-11 18:00"},
        None,
        "",
        "Решим до пн, 11 января 2027 г., 18:00",
        "We will resolve this by Mon 11 Jan 2027, 18:00",
    ),
    "night": (
        StateMeaning.OPEN,
        "23:10",
        {"due": "2026-11-21 10:30", "resumes": "2026-11-21 09:00"},
        None,
        "",
        "Сейчас вне графика. Часы пойдут завтра в 09:00, ответим до 10:30",
        "Outside support hours now. The clock starts at 09:00 tomorrow; reply by 10:30",
    ),
    "night before a deadline of another day": (
        StateMeaning.OPEN,
        "23:10",
        {**RESOLUTION, "due": "2026-11-24 18:00", "resumes": "2026-11-23 09:00"},
        None,
        "",
        "Сейчас вне графика. Часы пойдут пн, 23 ноября, в 09:00, решим до вт, 24 ноября, 18:00",
        (
            "Outside support hours now. The clock starts on Mon 23 Nov at 09:00; "
            "resolved by Tue 24 Nov, 18:00"
        ),
    ),
    "waiting for the customer": (
        StateMeaning.WAITING_FOR_CUSTOMER,
        "16:00",
        {**PAUSED, **LEFT, "paused": "14:05"},
        None,
        "",
        "Ждём ваш ответ с 14:05. Срок стоит; после ответа останется 3 ч 10 мин рабочего времени",
        (
            "Waiting for your reply since 14:05. The clock is paused; "
            "3 h 10 min of working time remain"
        ),
    ),
    "waiting for the customer since another day": (
        StateMeaning.WAITING_FOR_CUSTOMER,
        "16:00",
        {**PAUSED, **LEFT, "paused": "2026-11-17 14:05"},
        None,
        "",
        (
            "Ждём ваш ответ с вт, 17 ноября, 14:05. Срок стоит; "
            "после ответа останется 3 ч 10 мин рабочего времени"
        ),
        (
            "Waiting for your reply since Tue 17 Nov, 14:05. The clock is paused; "
            "3 h 10 min of working time remain"
        ),
    ),
    "waiting for a supplier": (
        StateMeaning.WAITING_FOR_SUPPLIER,
        "16:00",
        {**PAUSED, **LEFT},
        None,
        "",
        "Ждём поставщика. Срок стоит; после этого останется 3 ч 10 мин рабочего времени",
        "Waiting for a supplier. The clock is paused; 3 h 10 min of working time remain",
    ),
    "breached": (
        StateMeaning.OPEN,
        "15:55",
        {"state": ClockState.BREACHED, "due": "15:30"},
        None,
        "Анна П.",
        "Обещали до 15:30. Опаздываем на 25 мин. Видим это, отвечает Анна П.",
        "We promised 15:30. We are 25 min late. We see it; Анна П. is answering",
    ),
    "breached yesterday and nobody has it": (
        StateMeaning.OPEN,
        "2026-11-21 10:00",
        {"state": ClockState.BREACHED, "due": "15:30"},
        None,
        "",
        "Обещали вчера до 15:30. Опаздываем на 18 ч 30 мин. Видим это и занимаемся",
        "We promised 15:30 yesterday. We are 18 h 30 min late. We see it and are on it",
    ),
    "the page is older than the deadline": (
        StateMeaning.OPEN,
        "15:31",
        {"due": "15:30"},
        None,
        "",
        "Обещали до 15:30. Опаздываем на 1 мин. Видим это и занимаемся",
        "We promised 15:30. We are 1 min late. We see it and are on it",
    ),
    "done": (
        StateMeaning.RESOLVED,
        "18:00",
        {**RESOLUTION, "state": ClockState.MET, "due": "15:30", "met": "14:52"},
        "14:52",
        "",
        "Решено в 14:52, на 38 мин раньше срока",
        "Resolved at 14:52, 38 min early",
    ),
    "done late": (
        StateMeaning.RESOLVED,
        "2026-11-21 12:00",
        {**RESOLUTION, "state": ClockState.BREACHED, "due": "15:30", "met": "15:55"},
        "15:55",
        "",
        "Решено вчера в 15:55, на 25 мин позже срока. Просим прощения",
        "Resolved at 15:55 yesterday, 25 min late. We are sorry",
    ),
    "done in the last second": (
        StateMeaning.RESOLVED,
        "15:40",
        {**RESOLUTION, "state": ClockState.MET, "due": "15:30", "met": "15:30"},
        "15:30",
        "",
        "Решено в 15:30, в срок",
        "Resolved at 15:30, in time",
    ),
    "closed": (
        StateMeaning.CLOSED,
        "15:40",
        {**RESOLUTION, "state": ClockState.MET, "due": "15:30", "met": "15:30"},
        "15:30",
        "",
        "Обращение закрыто",
        "This request is closed",
    ),
    "no clock": (
        StateMeaning.OPEN,
        "15:40",
        {"state": ClockState.CANCELLED},
        None,
        "",
        "Обращение у нас в работе. Срок по нему не назначен",
        "We are working on your request. No deadline is set for it",
    ),
}


@pytest.mark.parametrize("case", GOLDEN.values(), ids=GOLDEN)
@pytest.mark.parametrize("locale", ["ru", "en"])
def test_a_customer_is_told_exactly_this(speech, a_clock, moment, case, locale):
    meaning, now, clock, resolved, worker, *expected = case
    say = speech(locale, now=now)

    sentences = deadline_sentences(
        meaning,
        [a_clock(**clock)],
        now=say.now,
        zone=say.zone,
        resolved_at=resolved and moment(resolved),
        worker=worker,
    )

    told = [say.sentence(sentence).replace("\u00a0", " ") for sentence in sentences]
    assert told == [expected[locale == "en"]]


def test_the_nearest_promise_comes_first_and_the_whole_request_after_it(speech, a_clock):
    say = speech("en")
    clocks = [
        a_clock(name="b", kind=ClockKind.RESOLUTION, due="2026-11-24 18:00"),
        a_clock(name="a", due="15:30"),
        a_clock(name="c", state=ClockState.MET, met="12:00"),
    ]

    told = deadline_sentences(StateMeaning.OPEN, clocks, now=say.now, zone=say.zone)

    assert [sentence.key for sentence in told] == ["deadline.due.reply", "deadline.due.resolve"]


def test_times_are_told_in_the_readers_zone(speech, a_clock):
    say = speech("en", zone="Asia/Yekaterinburg")

    [told] = deadline_sentences(StateMeaning.OPEN, [a_clock()], now=say.now, zone=say.zone)

    assert "by 17:30 today" in say.sentence(told)
    assert say.elsewhere(a_clock().due_at, ["Europe/Moscow"]) == "15:30 in Moscow"


@pytest.mark.parametrize("locale", ["ru", "en"])
def test_no_sentence_says_soon(texts, locale):
    told = [texts._texts[locale][key] for key in texts.keys() if key.startswith("deadline.")]  # noqa: SIM118 - a method of the catalogue

    assert not [text for text in told if "скоро" in text.lower() or "soon" in text.lower()]


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Анна Петрова", "Анна П."),
        ("Anna", "Anna"),
        ("Daniel van den Brooks", "Daniel B."),
        ("", ""),
    ],
)
def test_customers_see_a_first_name_and_a_letter(name, short):
    assert short_name(name) == short
