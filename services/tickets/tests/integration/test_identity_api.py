"""IdentityService: who gets a token for what, and what it shows."""

import asyncio
import json
import urllib.request
from datetime import timedelta

import grpc
import jwt

from otklik.tickets.v1 import directory_pb2
from otklik.tickets.v1 import directory_service_pb2 as directory_pb
from otklik.tickets.v1 import identity_service_pb2 as identity_pb
from otklik.tickets.v1 import ticket_service_pb2 as pb
from otklik_runtime import assertions, keys
from otklik_runtime.ids import new_id
from otklik_runtime.key_ring import KeyRing

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def customer_of(running, settings, conversation_id) -> identity_pb.ExchangeTokenResponse:
    link = KeyRing.load(settings.key_ring_file).sign("customer-link", conversation_id, None)
    return await running.exchange(identity_pb.SUBJECT_TOKEN_TYPE_CUSTOMER_LINK, link)


async def test_a_customer_sees_the_one_conversation_of_the_link(running, settings, front, opened):
    own, same_customer = await opened(), await opened()
    await running.tickets.SendPublicMessage(
        pb.SendPublicMessageRequest(
            parent=f"tickets/{own.ticket_id}", request_id=new_id(), text="Смотрим"
        ),
        metadata=front.agent,
    )
    await running.tickets.TakeTicket(
        pb.TakeTicketRequest(name=f"tickets/{own.ticket_id}"), metadata=front.agent
    )

    answer = await customer_of(running, settings, own.conversation_id)
    who = running.bearer(answer)

    listed = await running.tickets.ListTickets(pb.ListTicketsRequest(), metadata=who)
    ticket = await running.ticket(own.ticket_id, who)
    messages = await running.tickets.ListPublicMessages(
        pb.ListPublicMessagesRequest(parent=ticket.name), metadata=who
    )
    assert (answer.conversation_id, answer.locale) == (own.conversation_id, "ru")
    assert [each.number for each in listed.tickets] == [own.number]
    assert ticket.assignee == ""
    assert not ticket.allowed_transitions
    assert messages.public_messages[1].author_display_name == "Anna"
    assert messages.public_messages[1].author.id == ""
    for call in (
        running.ticket(same_customer.ticket_id, who),
        running.tickets.ListPublicMessages(
            pb.ListPublicMessagesRequest(parent=f"tickets/{same_customer.ticket_id}"), metadata=who
        ),
    ):
        code, reason, _ = await running.refusal(call)
        assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "TICKET_NOT_FOUND")
    code, _, _ = await running.refusal(
        running.tickets.ListInternalNotes(
            pb.ListInternalNotesRequest(parent=ticket.name), metadata=who
        )
    )
    assert code is grpc.StatusCode.PERMISSION_DENIED


async def test_a_session_goes_on_until_it_is_revoked(running, provider, front):
    first = await running.exchange(
        identity_pb.SUBJECT_TOKEN_TYPE_STAFF_ID_TOKEN, provider.id_token("anna")
    )
    again = await running.exchange(identity_pb.SUBJECT_TOKEN_TYPE_SESSION, first.session_token)
    assert again.principal == front.agent_name
    assert again.expires_in.ToTimedelta() == timedelta(minutes=5)

    await running.identity.RevokeSession(
        identity_pb.RevokeSessionRequest(session_token=first.session_token)
    )

    code, reason, _ = await running.refusal(
        running.exchange(identity_pb.SUBJECT_TOKEN_TYPE_SESSION, first.session_token)
    )
    assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "SESSION_REVOKED")


async def test_an_id_token_that_is_not_for_us_is_refused(running, provider, front):
    for wrong in (
        {"aud": "somebody-else"},
        {"iss": "https://evil.example"},
        {"sub": "nobody-we-know"},
    ):
        code, reason, _ = await running.refusal(
            running.exchange(
                identity_pb.SUBJECT_TOKEN_TYPE_STAFF_ID_TOKEN, provider.id_token("anna", **wrong)
            )
        )
        assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "PROOF_REFUSED")


async def test_an_expired_id_token_says_so(running, provider, front):
    code, reason, _ = await running.refusal(
        running.exchange(
            identity_pb.SUBJECT_TOKEN_TYPE_STAFF_ID_TOKEN,
            provider.id_token("anna", iat=1, exp=600),
        )
    )

    assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "PROOF_EXPIRED")


async def test_forged_tokens_do_not_make_us_ask_the_provider_again_and_again(
    running, provider, front
):
    asked = provider.asked
    for algorithm, key in (("HS256", "s" * 32), ("EdDSA", keys.generate())):
        forged = jwt.encode({"sub": "anna"}, key, algorithm=algorithm, headers={"kid": "new"})
        for _ in range(5):
            code, _, _ = await running.refusal(
                running.exchange(identity_pb.SUBJECT_TOKEN_TYPE_STAFF_ID_TOKEN, forged)
            )
            assert code is grpc.StatusCode.UNAUTHENTICATED

    assert provider.asked <= asked + 2


async def test_the_published_keys_verify_our_tokens(running, front):
    def read():
        with urllib.request.urlopen(
            f"http://127.0.0.1:{running.http_port}/.well-known/jwks.json", timeout=5
        ) as answer:
            return json.load(answer)

    document = await asyncio.to_thread(read)
    token = front.agent[0][1].removeprefix("Bearer ")

    key = jwt.PyJWKSet.from_dict(document)[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience="otklik", issuer="otklik")
    assert (claims["kind"], claims["roles"], claims["locale"]) == ("agent", ["agent"], "ru")
    assert claims["exp"] - claims["iat"] == 300


async def test_a_service_proves_itself_with_its_key(running, settings):
    key = keys.load_private(settings.private_key_file.with_name("sla.pem"))[0]

    answer = await running.exchange(
        identity_pb.SUBJECT_TOKEN_TYPE_SERVICE_ASSERTION, assertions.sign("sla", key)
    )
    code, reason, _ = await running.refusal(
        running.exchange(
            identity_pb.SUBJECT_TOKEN_TYPE_SERVICE_ASSERTION, assertions.sign("notify", key)
        )
    )

    assert (answer.principal, list(answer.roles)) == ("sla", ["service"])
    assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "PROOF_REFUSED")


async def test_a_partner_opens_tickets_and_sees_its_own(running, front, opened):
    key = keys.generate()
    pem = keys.public_text(key.public_key())
    partner = await running.directory.CreatePartner(
        directory_pb.CreatePartnerRequest(
            partner=directory_pb2.Partner(display_name="Acme", public_key_pem=pem)
        ),
        metadata=front.admin,
    )
    assertion = assertions.sign(partner.name.removeprefix("partners/"), key)
    kind = identity_pb.SUBJECT_TOKEN_TYPE_PARTNER_ASSERTION
    answer = await running.exchange(kind, assertion)
    code, reason, _ = await running.refusal(running.exchange(kind, assertion))
    assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "PROOF_REFUSED")
    who = running.bearer(answer)

    foreign = await opened()
    request = pb.CreateTicketRequest(
        request_id=new_id(),
        customer=f"customers/{foreign.customer_id}",
        service="services/mail",
        subject="Почта",
        text="Не приходит",
    )
    ticket = await running.tickets.CreateTicket(request, metadata=who)
    again = await running.tickets.CreateTicket(request, metadata=who)
    listed = await running.tickets.ListTickets(pb.ListTicketsRequest(), metadata=who)
    code, _, _ = await running.refusal(running.ticket(foreign.ticket_id, who))

    assert answer.session_token == ""
    assert again == ticket
    assert [each.name for each in listed.tickets] == [ticket.name]
    assert code is grpc.StatusCode.NOT_FOUND
