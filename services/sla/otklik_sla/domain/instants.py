"""Instants as whole microseconds since 1970 UTC, so that time is added exactly and fast.

Inside the engine an instant is an `int`; at its border it is an aware `datetime` in UTC.
"""

from datetime import UTC, datetime, timedelta

from otklik_runtime.errors import InvalidInput

SECOND = 1_000_000
DAY_SECONDS = 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def instant(moment: datetime, field: str = "time") -> int:
    """Count the microseconds from 1970 UTC to an aware moment.

    Raises:
        InvalidInput: The moment says no offset, so nobody can know when it is.
    """
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise InvalidInput(
            "time_without_offset",
            f"{field} says no UTC offset; add one, for instance Z",
            field=field,
        )
    return (moment - EPOCH) // _MICROSECOND


def moment(at: int) -> datetime:
    """Give the aware UTC moment of an instant.

    Raises:
        InvalidInput: The instant lies outside the years 1 to 9999.
    """
    try:
        return EPOCH + timedelta(microseconds=at)
    except OverflowError as overflow:
        raise out_of_range() from overflow


def out_of_range() -> InvalidInput:
    """Name the refusal to count past the years that dates can express."""
    return InvalidInput(
        "time_out_of_range",
        "the time lies outside the years 1 to 9999; shorten the target or move the start",
        field="seconds",
    )
