"""Why a clock stands as it does, in words: every interval, in both languages, in local time."""

from dataclasses import replace

import pytest

from otklik_sla.domain.explain import explain
from otklik_sla.domain.hours import Label
from otklik_sla.domain.intervals import Cause


@pytest.fixture
def may_calendar(office, moment):
    return replace(
        office,
        version=3,
        holidays={
            moment("2025-03-14 00:00").date(): Label(ru="День фирмы", en="Company Day"),
        },
    )


def test_an_explanation_tells_the_whole_life_of_a_clock(ticket, policy, may_calendar):
    ticket.opened("2025-03-12 16:00", policy=policy(calendar=may_calendar, resolution=240))
    ticket.waits_for_customer("2025-03-13 09:30").customer("2025-03-17 10:00")

    explanation = explain(ticket.resolution("2025-03-17 10:30"))

    assert explanation.text.ru.splitlines() == [
        (
            "Решение № 1: норматив 4 ч рабочего времени, график «Офис» (версия 3, Europe/Moscow), "
            "политика standard@1."
        ),
        "ср 12.03.2025 16:00–18:00: идёт, 2 ч.",
        "ср 12.03.2025 18:00 – чт 13.03.2025 09:00: нерабочее время, 15 ч.",
        "чт 13.03.2025 09:00–09:30: идёт, 30 мин.",
        "чт 13.03.2025 09:30 – пн 17.03.2025 10:00: пауза: ждём клиента, 96 ч 30 мин.",
        "пн 17.03.2025 10:00–10:30: идёт, 30 мин.",
        "Итого: рабочего времени 3 ч, паузы 96 ч 30 мин, нерабочего времени 15 ч.",
        "Идёт. Срок: пн 17.03.2025 11:30, осталось 1 ч рабочего времени.",
    ]
    assert explanation.text.en.splitlines() == [
        (
            'Resolution no. 1: target 4 h of working time, calendar "Office" (version 3, '
            "Europe/Moscow), policy standard@1."
        ),
        "Wed 12 Mar 2025 16:00–18:00: running, 2 h.",
        "Wed 12 Mar 2025 18:00 – Thu 13 Mar 2025 09:00: closed hours, 15 h.",
        "Thu 13 Mar 2025 09:00–09:30: running, 30 min.",
        (
            "Thu 13 Mar 2025 09:30 – Mon 17 Mar 2025 10:00: paused: waiting for the customer, "
            "96 h 30 min."
        ),
        "Mon 17 Mar 2025 10:00–10:30: running, 30 min.",
        "Total: working time 3 h, paused 96 h 30 min, closed 15 h.",
        "Running. Deadline: Mon 17 Mar 2025 11:30, 1 h of working time left.",
    ]


def test_a_holiday_is_named(ticket, policy, may_calendar):
    ticket.opened("2025-03-13 17:00", policy=policy(calendar=may_calendar, resolution=240))

    lines = explain(ticket.resolution("2025-03-17 10:00")).lines

    assert [line.interval.cause for line in lines] == [
        Cause.RUNNING,
        Cause.CLOSED_HOURS,
        Cause.HOLIDAY,
        Cause.CLOSED_HOURS,
        Cause.RUNNING,
    ]
    assert lines[2].text == Label(
        ru="пт 14.03.2025 00:00 – сб 15.03.2025 00:00: праздник: День фирмы, 24 ч.",
        en="Fri 14 Mar 2025 00:00 – Sat 15 Mar 2025 00:00: holiday: Company Day, 24 h.",
    )


def test_totals_divide_the_life_of_the_clock(ticket, policy):
    ticket.opened("16:00", policy=policy(resolution=480)).waits_for_customer("17:00")
    ticket.customer("17:30")

    totals = explain(ticket.resolution("2025-03-13 10:00")).totals

    assert (totals.worked_seconds, totals.paused_seconds, totals.closed_seconds) == (
        150 * 60,
        30 * 60,
        15 * 3600,
    )


@pytest.mark.parametrize(
    ("tell", "now", "verdict"),
    [
        (
            lambda it, _: it.waits_for_customer("10:00"),
            "12:00",
            Label(
                ru="На паузе с ср 12.03.2025 10:00, осталось 1 ч рабочего времени.",
                en="Paused since Wed 12 Mar 2025 10:00, 1 h of working time left.",
            ),
        ),
        (
            lambda it, _: it.resolved("10:15:30"),
            "12:00",
            Label(
                ru="Выполнено в срок: ср 12.03.2025 10:15:30, срок ср 12.03.2025 11:00.",
                en="Met in time: Wed 12 Mar 2025 10:15:30, deadline Wed 12 Mar 2025 11:00.",
            ),
        ),
        (
            lambda it, _: it,
            "12:40",
            Label(
                ru="Нарушено: срок истёк ср 12.03.2025 11:00, "
                "просрочка 1 ч 40 мин рабочего времени.",
                en="Breached: the deadline passed Wed 12 Mar 2025 11:00, "
                "overrun 1 h 40 min of working time.",
            ),
        ),
        (
            lambda it, _: it.resolved("11:30"),
            "12:00",
            Label(
                ru="Нарушено: срок истёк ср 12.03.2025 11:00, просрочка 30 мин рабочего времени. "
                "Выполнено с опозданием: ср 12.03.2025 11:30.",
                en="Breached: the deadline passed Wed 12 Mar 2025 11:00, "
                "overrun 30 min of working time. Met late: Wed 12 Mar 2025 11:30.",
            ),
        ),
        (
            lambda it, _: it.closed("10:00"),
            "12:00",
            Label(
                ru="Счётчик остановлен ср 12.03.2025 10:00: заявка закрыта.",
                en="The clock ended Wed 12 Mar 2025 10:00: the ticket was closed.",
            ),
        ),
        (
            lambda it, policy: it.policy("10:30", policy("p1", resolution=60)),
            "12:00",
            Label(
                ru="Когда политику сменили (ср 12.03.2025 10:30), новый срок ср 12.03.2025 10:00 "
                "уже прошёл.",
                en="When the policy changed (Wed 12 Mar 2025 10:30), the new deadline "
                "Wed 12 Mar 2025 10:00 was already past.",
            ),
        ),
    ],
)
def test_every_verdict_has_its_sentence(ticket, policy, tell, now, verdict):
    ticket.opened("09:00", policy=policy(resolution=120))
    tell(ticket, policy)

    assert explain(ticket.resolution(now)).verdict == verdict


def test_a_change_of_policy_is_told_with_both_deadlines(ticket, policy):
    ticket.opened("09:00", policy=policy("p3", resolution=480))
    ticket.policy("10:00", policy("p2", resolution=240))

    (change,) = explain(ticket.resolution("10:30")).changes

    assert change == Label(
        ru="ср 12.03.2025 10:00: сменилась политика (p3@1 → p2@1), "
        "срок ср 12.03.2025 17:00 → ср 12.03.2025 13:00.",
        en="Wed 12 Mar 2025 10:00: the policy changed (p3@1 → p2@1), "
        "deadline Wed 12 Mar 2025 17:00 → Wed 12 Mar 2025 13:00.",
    )


def test_an_unconfirmed_delivery_is_mentioned(ticket, policy):
    ticket.opened("09:00", policy=policy(first_response=60)).agent("09:30", "m1")

    assert explain(ticket.first("10:00")).verdict.en.endswith("Delivery is not yet confirmed.")
