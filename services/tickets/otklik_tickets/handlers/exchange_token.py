"""Turn a proof of identity into an admission: who the caller is, as what, and for how long.

The proofs arrive checked as far as cryptography goes; here it is decided whether they count.
"""

import secrets
from collections.abc import Callable
from datetime import timedelta

from otklik_runtime import ids
from otklik_runtime.errors import Forbidden
from otklik_tickets.domain.sessions import (
    Admission,
    Assertion,
    ProofRefused,
    Session,
    SessionRevoked,
    StaffProof,
    token_hash,
)
from otklik_tickets.domain.staff import Agent, Partner
from otklik_tickets.ports import UnitOfWork

_STAFF_LOCALE = "ru"


async def sign_in_staff(
    unit: UnitOfWork, proof: StaffProof, *, bootstrap_subject: str, session_life: timedelta
) -> Admission:
    """Admit an agent who signed in at the organisation's identity provider, and open a session.

    On a desk without agents the bootstrap subject becomes its first administrator.
    """
    agent = await unit.directory.agent_by_subject(proof.subject)
    if agent is None and bootstrap_subject and proof.subject == bootstrap_subject:
        agent = await _first_administrator(unit, proof)
    if agent is None:
        raise ProofRefused
    session_token = secrets.token_urlsafe(32)
    session = Session(
        id=ids.new_id(),
        token_hash=token_hash(session_token),
        kind="agent",
        subject_id=agent.id,
        locale=agent.locale,
        created_at=unit.now,
        expires_at=unit.now + session_life,
    )
    await unit.sessions.add(session)
    return _admit_agent(agent, session, session_token)


async def follow_customer_link(
    unit: UnitOfWork, conversation_id: str, *, session_life: timedelta
) -> Admission:
    """Admit a customer who followed the link of a conversation, to that conversation alone."""
    ticket = await unit.tickets.of_conversation(conversation_id)
    if ticket is None:
        raise ProofRefused
    session_token = secrets.token_urlsafe(32)
    session = Session(
        id=ids.new_id(),
        token_hash=token_hash(session_token),
        kind="customer",
        subject_id=ticket.customer_id,
        conversation_id=conversation_id,
        locale=ticket.locale,
        created_at=unit.now,
        expires_at=unit.now + session_life,
    )
    await unit.sessions.add(session)
    return _admit_customer(session, session_token)


async def continue_session(unit: UnitOfWork, session_token: str) -> Admission:
    """Admit whoever signed in earlier, as what that person is now."""
    session = await unit.sessions.by_token_hash(token_hash(session_token))
    if session is None:
        raise ProofRefused
    session.expect_alive(unit.now)
    if session.kind == "customer":
        return _admit_customer(session, session_token)
    agent = await unit.directory.agent(session.subject_id)
    if agent is None:
        raise SessionRevoked
    return _admit_agent(agent, session, session_token)


async def admit_partner(
    unit: UnitOfWork, partner_id: str, checked: Callable[[Partner], Assertion]
) -> Admission:
    """Admit a partner by its assertion, which counts once.

    Args:
        unit: The unit of work.
        partner_id: Who the assertion claims to come from.
        checked: Checks it with the partner's own key.
    """
    partner = await unit.directory.partner(partner_id)
    if partner is None:
        raise ProofRefused
    assertion = checked(partner)
    fresh = await unit.sessions.use_assertion(
        partner_id, assertion.assertion_id, expires_at=assertion.expires_at, now=unit.now
    )
    if not fresh:
        raise ProofRefused
    return Admission(subject=partner_id, kind="partner", roles=("partner",))


def admit_service(assertion: Assertion) -> Admission:
    """Admit one of Otklik's own services by its assertion."""
    return Admission(subject=assertion.issuer, kind="service", roles=("service",))


async def revoke_session(
    unit: UnitOfWork, session_token: str, *, caller_id: str, caller_is_admin: bool
) -> None:
    """End a session, at the wish of whoever holds its token; ending it again changes nothing.

    Holding the token is what makes somebody the session's own person. A caller who says to be
    somebody else must be an administrator.
    """
    session = await unit.sessions.by_token_hash(token_hash(session_token))
    if session is None:
        return
    if caller_id not in ("", session.subject_id) and not caller_is_admin:
        raise Forbidden(
            "not_your_session", "Only its own person or an administrator ends a session."
        )
    await unit.sessions.revoke(session.id, unit.now)


async def _first_administrator(unit: UnitOfWork, proof: StaffProof) -> Agent:
    agent = Agent(
        id=ids.new_id(),
        display_name=proof.name or "Administrator",
        subject=proof.subject,
        roles=("admin",),
        locale=proof.locale or _STAFF_LOCALE,
        created_at=unit.now,
    )
    await unit.directory.add_agent(agent)
    return agent


def _admit_agent(agent: Agent, session: Session, session_token: str) -> Admission:
    return Admission(
        subject=agent.id,
        kind="agent",
        roles=agent.roles,
        session_id=session.id,
        session_token=session_token,
        locale=agent.locale,
    )


def _admit_customer(session: Session, session_token: str) -> Admission:
    return Admission(
        subject=session.subject_id,
        kind="customer",
        roles=("customer",),
        conversation_id=session.conversation_id,
        session_id=session.id,
        session_token=session_token,
        locale=session.locale,
    )
