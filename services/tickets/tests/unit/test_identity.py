"""Who is admitted, as what, and for how long."""

from datetime import timedelta

import pytest

from otklik_runtime import ids
from otklik_runtime.errors import Forbidden
from otklik_tickets.domain.sessions import (
    Assertion,
    ProofExpired,
    ProofRefused,
    SessionRevoked,
    StaffProof,
)
from otklik_tickets.domain.staff import Partner
from otklik_tickets.handlers import (
    admit_partner,
    admit_service,
    continue_session,
    follow_customer_link,
    open_or_append,
    revoke_session,
    sign_in_staff,
)

HOURS = timedelta(hours=12)


async def sign_in(unit, subject, *, bootstrap=""):
    proof = StaffProof(subject=subject, name="Anna", locale="en")
    return await sign_in_staff(unit, proof, bootstrap_subject=bootstrap, session_life=HOURS)


async def test_an_agent_is_admitted_with_the_roles_of_the_directory(unit, an_agent):
    admission = await sign_in(unit, an_agent.subject)

    assert (admission.kind, admission.subject) == ("agent", an_agent.id)
    assert admission.roles == ("agent",)
    assert admission.principal == f"agents/{an_agent.id}"
    assert admission.session_token


async def test_somebody_the_desk_does_not_know_is_refused(unit):
    with pytest.raises(ProofRefused):
        await sign_in(unit, "stranger", bootstrap="somebody else")


async def test_the_bootstrap_subject_becomes_the_first_administrator_once(unit):
    first = await sign_in(unit, "root", bootstrap="root")
    again = await sign_in(unit, "root", bootstrap="root")

    assert first.roles == ("admin",)
    assert first.subject == again.subject
    assert len(unit.directory.agents) == 1


async def test_an_empty_bootstrap_subject_admits_nobody(unit):
    with pytest.raises(ProofRefused):
        await sign_in(unit, "", bootstrap="")


async def test_a_session_token_is_kept_as_a_hash_only(unit, an_agent):
    admission = await sign_in(unit, an_agent.subject)

    [session] = unit.sessions.rows.values()
    assert admission.session_token.encode() not in session.token_hash


async def test_a_session_is_continued_with_the_roles_of_now(unit, an_agent):
    admission = await sign_in(unit, an_agent.subject)
    del unit.directory.agents[an_agent.id]

    with pytest.raises(SessionRevoked):
        await continue_session(unit, admission.session_token)


async def test_a_session_ends_when_its_time_is_over(unit, an_agent):
    admission = await sign_in(unit, an_agent.subject)
    unit.now += HOURS

    with pytest.raises(ProofExpired):
        await continue_session(unit, admission.session_token)


async def test_a_revoked_session_is_continued_no_more(unit, an_agent):
    admission = await sign_in(unit, an_agent.subject)

    await revoke_session(unit, admission.session_token, caller_id="", caller_is_admin=False)

    with pytest.raises(SessionRevoked):
        await continue_session(unit, admission.session_token)


async def test_somebody_else_may_not_end_a_session_and_an_administrator_may(unit, an_agent):
    token = (await sign_in(unit, an_agent.subject)).session_token

    with pytest.raises(Forbidden):
        await revoke_session(unit, token, caller_id=ids.new_id(), caller_is_admin=False)
    await revoke_session(unit, token, caller_id=ids.new_id(), caller_is_admin=True)

    with pytest.raises(SessionRevoked):
        await continue_session(unit, token)


async def test_a_made_up_session_token_is_refused(unit):
    with pytest.raises(ProofRefused):
        await continue_session(unit, "x" * 43)


async def test_a_customers_link_shows_one_conversation(unit, a_mail):
    mail = a_mail()
    await open_or_append(unit, [mail])

    admission = await follow_customer_link(unit, mail.conversation_id, session_life=HOURS)
    later = await continue_session(unit, admission.session_token)

    assert admission.conversation_id == mail.conversation_id == later.conversation_id
    assert admission.roles == ("customer",) == later.roles
    assert admission.locale == "ru"


async def test_a_link_to_a_conversation_without_a_ticket_is_refused(unit):
    with pytest.raises(ProofRefused):
        await follow_customer_link(unit, ids.new_id(), session_life=HOURS)


async def test_a_partners_assertion_counts_once(unit):
    partner = Partner(id=ids.new_id(), display_name="Acme", public_key_pem="", created_at=unit.now)
    unit.directory.partners[partner.id] = partner
    assertion = Assertion(issuer=partner.id, assertion_id="1", expires_at=unit.now)

    admission = await admit_partner(unit, partner.id, lambda _: assertion)

    assert admission.roles == ("partner",)
    assert admission.session_token == ""
    with pytest.raises(ProofRefused):
        await admit_partner(unit, partner.id, lambda _: assertion)


async def test_an_unknown_partner_is_refused_before_anything_is_checked(unit):
    with pytest.raises(ProofRefused):
        await admit_partner(unit, ids.new_id(), lambda _: pytest.fail("was checked"))


def test_a_service_is_admitted_as_itself(unit):
    admission = admit_service(Assertion(issuer="sla", assertion_id="1", expires_at=unit.now))

    assert (admission.kind, admission.principal, admission.roles) == (
        "service",
        "sla",
        ("service",),
    )
