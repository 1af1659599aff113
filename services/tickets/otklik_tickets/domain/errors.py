"""What can be wrong with a request about tickets, as facts with stable codes."""

from collections.abc import Sequence

from otklik_runtime.errors import Conflict, InvalidInput, NotFound, RuleBroken, Unavailable


class TicketNotFound(NotFound):
    """There is no such ticket, or the caller may not know of it: nobody can tell which."""

    def __init__(self, ticket_id: str) -> None:
        super().__init__("ticket_not_found", "There is no such ticket.", ticket_id=ticket_id)


class CustomerNotFound(NotFound):
    """There is no such customer."""

    def __init__(self, customer_id: str) -> None:
        super().__init__(
            "customer_not_found", "There is no such customer.", customer_id=customer_id
        )


class ServiceNotFound(NotFound):
    """The catalogue has no such service."""

    def __init__(self, service: str) -> None:
        super().__init__("service_not_found", "The catalogue has no such service.", service=service)


class RequestTypeNotFound(NotFound):
    """There is no such request type."""

    def __init__(self, request_type: str) -> None:
        super().__init__(
            "request_type_not_found", "There is no such request type.", request_type=request_type
        )


class SegmentNotFound(NotFound):
    """There is no such segment."""

    def __init__(self, segment: str) -> None:
        super().__init__("segment_not_found", "There is no such segment.", segment=segment)


class AgentNotFound(NotFound):
    """There is no such agent."""

    def __init__(self, agent_id: str) -> None:
        super().__init__("agent_not_found", "There is no such agent.", agent_id=agent_id)


class AlreadyExists(Conflict):
    """Something with this name or key is there already."""

    def __init__(self, noun: str, name: str) -> None:
        super().__init__(
            f"{noun}_exists", f"A {noun.replace('_', ' ')} with this key exists already.", name=name
        )


class IdentityTaken(Conflict):
    """An address belongs to another customer already."""

    def __init__(self, customer_id: str) -> None:
        super().__init__(
            "identity_taken",
            "One of the addresses belongs to another customer.",
            customer=f"customers/{customer_id}",
        )


class CustomerWroteAgain(Conflict):
    """The customer wrote after the message the writer of an answer has seen."""

    def __init__(self, ticket_id: str, message_id: str) -> None:
        super().__init__(
            "customer_wrote_again",
            "The customer has written again: read the new message, then send.",
            last_customer_message=f"tickets/{ticket_id}/publicMessages/{message_id}",
        )


class EtagMismatch(Conflict):
    """Somebody changed it since the caller read it."""

    def __init__(self, etag: str) -> None:
        super().__init__(
            "etag_mismatch", "It has changed since it was read: read it again.", etag=etag
        )


class TicketTaken(Conflict):
    """Another agent has the ticket."""

    def __init__(self, agent_id: str) -> None:
        super().__init__(
            "ticket_taken", "Another agent has taken this ticket.", assignee=f"agents/{agent_id}"
        )


class ConversationOpenedElsewhere(Conflict):
    """Another process opened the same conversation at this moment: start again and append."""

    def __init__(self) -> None:
        super().__init__(
            "conversation_opened_elsewhere", "The conversation was opened at the same moment."
        )


class TicketClosed(RuleBroken):
    """The ticket is over: nothing is sent in it any more."""

    def __init__(self, ticket_id: str) -> None:
        super().__init__(
            "ticket_closed", "The ticket is closed: open a new one.", ticket_id=ticket_id
        )


class TransitionNotAllowed(RuleBroken):
    """The state matrix does not allow this act now; says what is missing and what is allowed."""

    def __init__(
        self, act: str, state: str, *, missing: Sequence[str], allowed: Sequence[str]
    ) -> None:
        reason = (
            f"The act {act} needs {', '.join(missing)}."
            if missing
            else f"The act {act} is not allowed in the state {state}."
        )
        super().__init__(
            "transition_not_allowed",
            f"{reason} Allowed now: {', '.join(allowed) or 'nothing'}.",
            act=act,
            state=state,
            missing=", ".join(missing),
            allowed=", ".join(allowed),
        )


class ActHasItsOwnMethod(InvalidInput):
    """This act does more than move the ticket, so it has its own method."""

    def __init__(self, act: str, method: str) -> None:
        super().__init__("act", f"The act {act} is made by {method}.", field="act", act=act)


class DeskNotConfigured(Unavailable):
    """The catalogue lacks a row without which no ticket can be opened: the message waits for it."""

    def __init__(self, lacking: str) -> None:
        super().__init__(
            "desk_not_configured",
            f"No ticket can be opened before the desk has {lacking}: add it to the catalogue.",
            lacking=lacking,
        )
