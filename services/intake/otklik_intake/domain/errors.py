"""The facts that intake refuses with; each code is part of the contract."""

from collections.abc import Mapping
from typing import ClassVar

from otklik_runtime.errors import (
    Conflict,
    InvalidInput,
    LimitExceeded,
    NotFound,
    RuleBroken,
    Unavailable,
)


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

    REASONS: ClassVar[Mapping[str, str]] = {
        "required": "this is required",
        "too_long": "this is too long",
        "not_an_address": "this is not a mail address; write it as name@example.org",
        "control_characters": "this must be one line without control characters",
        "unknown": "this is not one of the choices",
        "unknown_field": "there is no such field",
        "wrong_type": "this must be text",
    }

    def __init__(self, reasons: Mapping[str, str]) -> None:
        """Say what is wrong with each field: field -> one of REASONS."""
        violations = tuple((field, self.REASONS[reason]) for field, reason in reasons.items())
        super().__init__(
            "request_invalid",
            "correct the fields that are named and send again",
            field=next(iter(reasons)),
            violations=violations,
        )
        self.reasons = dict(reasons)


class TooManyRequests(LimitExceeded):
    """One address sends more than a person would."""

    def __init__(self, *, retry_after_seconds: int) -> None:
        """Say when to try again."""
        super().__init__(
            "too_many_requests",
            f"too many requests from your address; try again in {retry_after_seconds} seconds",
            retry_after_seconds=retry_after_seconds,
        )


class DoorClosed(Unavailable):
    """Nothing can be stored at the moment."""

    def __init__(self) -> None:
        """Say that trying again is right: nothing was stored, or it will be recognised."""
        super().__init__(
            "storage_unavailable",
            "your message cannot be stored at the moment; send it again in a minute",
            retry_after_seconds=30,
        )
