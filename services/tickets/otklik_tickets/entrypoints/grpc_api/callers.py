"""Who is calling, as the domain sees it."""

from otklik_runtime.auth import Principal, principal
from otklik_tickets.domain import actors
from otklik_tickets.domain.actors import Actor
from otklik_tickets.domain.commands import Worker
from otklik_tickets.domain.shown import Audience

_DESK_ROLES = ("agent", "lead", "admin")


def at_desk(caller: Principal) -> bool:
    """Whether the caller works at the desk."""
    return caller.kind == "agent" and caller.has_role(*_DESK_ROLES)


def audience() -> Audience:
    """Whose tickets the caller may see."""
    caller = principal()
    if at_desk(caller):
        return Audience(everything=True)
    if caller.kind == "customer":
        return Audience(conversation_id=caller.conversation_id)
    if caller.kind == "partner":
        return Audience(partner_id=caller.id)
    return Audience()


def actor() -> Actor:
    """The caller as the one who acts."""
    caller = principal()
    made = {"partner": actors.partner, "customer": actors.customer}.get(caller.kind, actors.agent)
    return made(caller.id)


def worker() -> Worker:
    """The caller as somebody who works on tickets."""
    caller = principal()
    return Worker(agent_id=caller.id, roles=caller.roles)
