"""Errors are facts: what is wrong, as a stable code, a sentence and the facts that prove it.

The whole tree, and what each transport makes of it::

    OtklikError(code, message, **facts)     HTTP   gRPC                 bus
    ├─ InvalidInput                         422    INVALID_ARGUMENT     dead-letter
    ├─ Unauthenticated                      401    UNAUTHENTICATED      dead-letter
    ├─ Forbidden                            403    PERMISSION_DENIED    dead-letter
    ├─ NotFound                             404    NOT_FOUND            retry, then dead-letter
    ├─ Conflict          (version, twin)    409    ABORTED              retry now
    ├─ RuleBroken        (state forbids)    409    FAILED_PRECONDITION  dead-letter, unless settled
    ├─ LimitExceeded                        429    RESOURCE_EXHAUSTED   retry with delay
    └─ Unavailable                          503    UNAVAILABLE          retry with backoff
    anything else is a bug                  500    INTERNAL             retry, then dead-letter

Domains raise these and their own subclasses; each transport of the runtime maps them once.
Neither a message nor a fact ever holds personal data: both travel to logs, spans and callers.
"""


class OtklikError(Exception):
    """Something that is known to go wrong, and what is known about it."""

    def __init__(self, code: str, message: str, **facts: object) -> None:
        """Keep the fact.

        Args:
            code: A stable snake word such as `ticket_closed`; part of the contract.
            message: One sentence for a person: what is wrong and what to do.
            **facts: What proves it, by name; `field` names the input at fault.
        """
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class InvalidInput(OtklikError):
    """The request itself is wrong; the same request will always be refused."""


class Unauthenticated(OtklikError):
    """Nobody knows who is asking."""


class Forbidden(OtklikError):
    """The one who asks is known and may not do this."""


class NotFound(OtklikError):
    """What is asked about does not exist, or not yet."""


class Conflict(OtklikError):
    """Somebody else was faster: read again and retry."""


class RuleBroken(OtklikError):
    """The present state forbids it."""


class LimitExceeded(OtklikError):
    """A quota or a rate is used up."""


class Unavailable(OtklikError):
    """Something this needs does not answer at the moment."""


class CannotStart(Exception):
    """Something outside is not as a process needs it; the message says what to do about it."""
