"""IdentityService: a proof of identity for a short-lived token that every service believes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import grpc

from otklik.tickets.v1 import identity_service_pb2 as pb
from otklik.tickets.v1.identity_service_pb2_grpc import IdentityServiceServicer
from otklik_runtime.auth import Principal, PrincipalKind, TokenIssuer, principal
from otklik_runtime.database import Database, Transaction
from otklik_tickets import handlers
from otklik_tickets.domain.sessions import ACCESS_TOKEN_LIFE, Admission
from otklik_tickets.ports import Proofs, UnitOfWork

_Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, kw_only=True)
class SessionLives:
    """How long sessions last, and who the first administrator is."""

    staff: timedelta
    customer: timedelta
    bootstrap_subject: str = ""


class IdentityApi(IdentityServiceServicer):
    """Exchanges proofs for tokens."""

    def __init__(
        self,
        database: Database,
        unit_of: Callable[[Transaction], UnitOfWork],
        *,
        proofs: Proofs,
        issuer: TokenIssuer,
        lives: SessionLives,
    ) -> None:
        self._database = database
        self._unit_of = unit_of
        self._proofs = proofs
        self._issuer = issuer
        self._lives = lives

    async def ExchangeToken(
        self, request: pb.ExchangeTokenRequest, context: _Context
    ) -> pb.ExchangeTokenResponse:
        """Exchange a proof for a token of 5 minutes."""
        kind, proof = request.subject_token_type, request.subject_token
        if kind == pb.SUBJECT_TOKEN_TYPE_STAFF_ID_TOKEN:
            admission = await self._staff(proof)
        elif kind == pb.SUBJECT_TOKEN_TYPE_CUSTOMER_LINK:
            admission = await self._customer(proof)
        elif kind == pb.SUBJECT_TOKEN_TYPE_SESSION:
            async with self._database.transaction() as tx:
                admission = await handlers.continue_session(self._unit_of(tx), proof)
        elif kind == pb.SUBJECT_TOKEN_TYPE_PARTNER_ASSERTION:
            admission = await self._partner(proof)
        else:
            admission = handlers.admit_service(self._proofs.service(proof))
        return self._answer(admission)

    async def RevokeSession(
        self, request: pb.RevokeSessionRequest, context: _Context
    ) -> pb.RevokeSessionResponse:
        """End a session."""
        caller = principal()
        async with self._database.transaction() as tx:
            await handlers.revoke_session(
                self._unit_of(tx),
                request.session_token,
                caller_id="" if caller.kind in ("anonymous", "service") else caller.id,
                caller_is_admin=caller.has_role("admin"),
            )
        return pb.RevokeSessionResponse()

    async def _staff(self, id_token: str) -> Admission:
        # The provider is asked before the transaction begins: nothing waits for it in there.
        proof = await self._proofs.staff(id_token)
        async with self._database.transaction() as tx:
            return await handlers.sign_in_staff(
                self._unit_of(tx),
                proof,
                bootstrap_subject=self._lives.bootstrap_subject,
                session_life=self._lives.staff,
            )

    async def _customer(self, link: str) -> Admission:
        async with self._database.transaction() as tx:
            return await handlers.follow_customer_link(
                self._unit_of(tx),
                self._proofs.conversation_id(link, tx.now),
                session_life=self._lives.customer,
            )

    async def _partner(self, assertion: str) -> Admission:
        async with self._database.transaction() as tx:
            return await handlers.admit_partner(
                self._unit_of(tx),
                self._proofs.partner_id(assertion),
                lambda partner: self._proofs.partner(assertion, partner),
            )

    def _answer(self, admission: Admission) -> pb.ExchangeTokenResponse:
        caller = Principal(
            kind=cast("PrincipalKind", admission.kind),
            id=admission.subject,
            roles=frozenset(admission.roles),
            conversation_id=admission.conversation_id,
            session_id=admission.session_id,
            locale=admission.locale,
        )
        answer = pb.ExchangeTokenResponse(
            access_token=self._issuer.issue(caller, lifetime=ACCESS_TOKEN_LIFE),
            session_token=admission.session_token,
            principal=admission.principal,
            roles=admission.roles,
            conversation_id=admission.conversation_id,
            locale=admission.locale,
        )
        answer.expires_in.FromTimedelta(ACCESS_TOKEN_LIFE)
        return answer
