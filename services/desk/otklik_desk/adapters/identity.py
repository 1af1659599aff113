"""Sessions, at tickets' IdentityService. The proof is the credential: no token of ours is sent."""

from typing import Any

from otklik.tickets.v1 import identity_service_pb2 as pb
from otklik.tickets.v1.identity_service_pb2_grpc import IdentityServiceStub
from otklik_desk.domain.people import Admission
from otklik_runtime.grpc_client import GrpcClients

_SHORTEST, _LONGEST = 20, 8192
_OWNER = "tickets"


class GrpcIdentity:
    """Exchanges proofs for sessions."""

    def __init__(self, clients: GrpcClients) -> None:
        # The stub made for an aio channel is asynchronous; its stubs cannot say so.
        self._stub: Any = clients.stub(IdentityServiceStub, _OWNER, anonymous=True)

    async def staff(self, id_token: str) -> Admission:
        """Open the session of an agent who signed in at the provider."""
        return await self._exchange(pb.SUBJECT_TOKEN_TYPE_STAFF_ID_TOKEN, id_token)

    async def customer(self, link_token: str) -> Admission:
        """Open the session of a customer who followed a link."""
        return await self._exchange(pb.SUBJECT_TOKEN_TYPE_CUSTOMER_LINK, link_token)

    async def session(self, session_token: str) -> Admission:
        """Go on with a session that was opened earlier."""
        return await self._exchange(pb.SUBJECT_TOKEN_TYPE_SESSION, session_token)

    async def revoke(self, session_token: str) -> None:
        """End a session."""
        await self._stub.RevokeSession(pb.RevokeSessionRequest(session_token=session_token))

    async def _exchange(self, kind: pb.SubjectTokenType.ValueType, proof: str) -> Admission:
        request = pb.ExchangeTokenRequest(subject_token_type=kind, subject_token=proof)
        answer = await self._stub.ExchangeToken(request)
        principal, _, person_id = answer.principal.partition("/")
        return Admission(
            kind=principal.removesuffix("s"),
            id=person_id,
            roles=frozenset(answer.roles),
            locale=answer.locale,
            conversation_id=answer.conversation_id,
            access_token=answer.access_token,
            session_token=answer.session_token or proof,
            good_for_seconds=answer.expires_in.ToTimedelta().total_seconds(),
        )
