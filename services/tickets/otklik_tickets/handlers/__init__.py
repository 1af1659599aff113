"""What tickets does: one verb a module, each a function of a unit of work and a command."""

from otklik_tickets.handlers.catalogue import (
    create_request_type,
    create_segment,
    create_service,
    update_priority_matrix,
)
from otklik_tickets.handlers.create_ticket import create_ticket
from otklik_tickets.handlers.directory import create_agent, create_customer, create_partner
from otklik_tickets.handlers.exchange_token import (
    admit_partner,
    admit_service,
    continue_session,
    follow_customer_link,
    revoke_session,
    sign_in_staff,
)
from otklik_tickets.handlers.open_or_append import open_or_append
from otklik_tickets.handlers.show import show_clocks, show_deliveries
from otklik_tickets.handlers.work_on_ticket import (
    add_internal_note,
    resolve_ticket,
    send_public_message,
    take_ticket,
    transition_ticket,
)

__all__ = [
    "add_internal_note",
    "admit_partner",
    "admit_service",
    "continue_session",
    "create_agent",
    "create_customer",
    "create_partner",
    "create_request_type",
    "create_segment",
    "create_service",
    "create_ticket",
    "follow_customer_link",
    "open_or_append",
    "resolve_ticket",
    "revoke_session",
    "send_public_message",
    "show_clocks",
    "show_deliveries",
    "sign_in_staff",
    "take_ticket",
    "transition_ticket",
    "update_priority_matrix",
]
