"""The words of the clocks: what is timed, what a ticket's state means, how a clock stands."""

from enum import StrEnum


class ClockKind(StrEnum):
    """What is promised."""

    FIRST_RESPONSE = "first_response"
    NEXT_RESPONSE = "next_response"
    UPDATE = "update"
    RESOLUTION = "resolution"


class StateMeaning(StrEnum):
    """What any state of a ticket means to a clock."""

    OPEN = "open"
    WAITING_FOR_CUSTOMER = "waiting_for_customer"
    WAITING_FOR_SUPPLIER = "waiting_for_supplier"
    RESOLVED = "resolved"
    CLOSED = "closed"


class ClockState(StrEnum):
    """How a clock stands.

    A breached clock stays breached when it is met late: `Clock.met_at` tells. `breached_by_change`
    says that a new target was already past when it was set; nobody had a chance to keep it.
    """

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"
    BREACHED_BY_CHANGE = "breached_by_change"
    CANCELLED = "cancelled"


class EndReason(StrEnum):
    """Why a clock ended without being met."""

    WAITING_FOR_CUSTOMER = "waiting_for_customer"
    WAITING_FOR_SUPPLIER = "waiting_for_supplier"
    RESOLVED = "resolved"
    RESOLVED_BY_BOT = "resolved_by_bot"
    CLOSED = "closed"
    POLICY_CHANGED = "policy_changed"
    CORRECTED = "corrected"


WAITING = frozenset({StateMeaning.WAITING_FOR_CUSTOMER, StateMeaning.WAITING_FOR_SUPPLIER})
DONE = frozenset({StateMeaning.RESOLVED, StateMeaning.CLOSED})
