"""What can be wrong with a request about time."""

from otklik_runtime.errors import Conflict, NotFound


class CalendarNotFound(NotFound):
    """There is no such calendar."""

    def __init__(self, name: str, *, field: str = "name") -> None:
        super().__init__(
            "calendar_not_found",
            f"there is no calendar {name}: create it first, or list those there are",
            field=field,
        )


class CalendarExists(Conflict):
    """The name is taken."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "calendar_exists", f"{name} exists already: choose another name", calendar=name
        )


class PolicyNotFound(NotFound):
    """There is no such policy."""

    def __init__(self, name: str) -> None:
        super().__init__("policy_not_found", f"there is no policy {name}", field="name")


class PolicyExists(Conflict):
    """The name is taken."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "policy_exists", f"{name} exists already: choose another name", policy=name
        )


class ClockNotFound(NotFound):
    """There is no such clock, or the caller may not know of it."""

    def __init__(self) -> None:
        super().__init__(
            "clock_not_found",
            "there is no such clock: list the ticket's clocks to see which there are",
            field="name",
        )
