"""A clock outside working hours says when it goes on; one that counts or stands still does not."""

import pytest


@pytest.mark.parametrize(
    ("opened", "now", "resumes"),
    [
        ("2025-03-12 17:00", "2025-03-12 17:30", None),
        ("2025-03-12 17:00", "2025-03-12 18:00", "2025-03-13 09:00"),
        ("2025-03-12 17:00", "2025-03-12 23:10", "2025-03-13 09:00"),
        ("2025-03-14 17:59", "2025-03-15 12:00", "2025-03-17 09:00"),
    ],
)
def test_a_clock_says_when_its_calendar_opens_again(ticket, policy, opened, now, resumes):
    clock = ticket.opened(opened, policy=policy(first_response=240)).first(now)

    at = clock.resumes_at and clock.calendar.local(clock.resumes_at)
    assert (at and f"{at:%Y-%m-%d %H:%M}") == resumes


def test_a_paused_clock_does_not_go_on_by_itself(ticket, policy):
    told = ticket.opened("10:00", policy=policy(resolution=240)).waits_for_customer("11:00")

    assert told.resolution("20:00").resumes_at is None
