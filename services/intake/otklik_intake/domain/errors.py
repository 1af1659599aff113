"""The facts that intake refuses with; each code is part of the contract."""

from otklik_runtime.errors import Conflict, InvalidInput, NotFound, RuleBroken


class ItemNotFound(NotFound):
    """No such item, or none that this caller may see."""

    def __init__(self, name: str) -> None:
        """Name the item that was asked for."""
        super().__init__("item_not_found", f"there is no {name} that you may see", name=name)


class ItemNotQuarantined(RuleBroken):
    """Only a quarantined item is read again."""

    def __init__(self, name: str, state: str) -> None:
        """Name the item and the state it is in."""
        super().__init__(
            "item_not_quarantined",
            f"{name} is {state}; only a quarantined item can be read again",
            name=name,
            state=state,
        )


class ChannelAccountNotFound(NotFound):
    """The message is for an account that does not exist."""

    def __init__(self, name: str) -> None:
        """Name the account."""
        super().__init__(
            "channel_account_not_found",
            f"there is no {name or 'account for this'}; ListChannelAccounts shows those there are",
            name=name,
        )


class ChannelAccountExists(Conflict):
    """An account of that name, or with that address, is already there."""

    def __init__(self, name: str, *, field: str) -> None:
        """Name the account that is in the way, and by which of its fields."""
        super().__init__(
            "channel_account_exists",
            f"{name} already has this {field}; choose another",
            name=name,
            field=field,
        )


class RequestIdReused(Conflict):
    """The same request_id came before with another content."""

    def __init__(self) -> None:
        """Say what to do: nothing was stored."""
        super().__init__(
            "request_id_reused",
            "this request id was used for another message; send this one under a new id",
        )


class AttachmentNotFound(NotFound):
    """No such file, or none that this caller may see."""

    def __init__(self, name: str) -> None:
        """Name the file that was asked for."""
        super().__init__("attachment_not_found", f"there is no {name} that you may see", name=name)


class UnknownService(InvalidInput):
    """The message names a service that the catalogue does not have."""

    def __init__(self, service: str) -> None:
        """Name the service."""
        super().__init__(
            "service_not_found",
            f"there is no {service} in the catalogue; ListServices shows those there are",
            field="service",
            service=service,
        )


class FormIncomplete(InvalidInput):
    """A request by form or JSON misses something, or has something that cannot be used."""

    def __init__(self, violations: dict[str, str]) -> None:
        """Say what is wrong with each field: field -> a stable word, for instance `required`."""
        fields = ", ".join(f"{field}: {reason}" for field, reason in violations.items())
        super().__init__(
            "request_invalid",
            f"correct these fields and send again ({fields})",
            field=next(iter(violations)),
            violations=violations,
        )
        self.violations = violations
