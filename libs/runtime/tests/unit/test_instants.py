from datetime import UTC, datetime, timedelta, timezone

from otklik_runtime import instants

NOON = datetime(2025, 3, 12, 12, 0, 0, 123456, tzinfo=UTC)


def test_an_instant_survives_the_wire_to_the_microsecond():
    assert instants.read(instants.stamp(NOON)) == NOON


def test_what_is_read_is_in_utc_whatever_was_written():
    moscow = NOON.astimezone(timezone(timedelta(hours=3)))

    found = instants.read(instants.stamp(moscow))

    assert (found, found.tzinfo) == (NOON, UTC)


def test_no_instant_is_an_unset_field():
    assert instants.stamp(None) is None
