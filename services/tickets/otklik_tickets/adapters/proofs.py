"""Checks every kind of proof of identity: ID tokens, assertions, links."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import jwt

from otklik_runtime import assertions, ids, keys
from otklik_runtime.errors import CannotStart, Unauthenticated
from otklik_runtime.key_ring import KeyRing
from otklik_tickets.adapters.staff_issuer import StaffIssuer
from otklik_tickets.domain.sessions import Assertion, ProofExpired, ProofRefused, StaffProof
from otklik_tickets.domain.staff import Partner

_CUSTOMER_LINK = "customer-link"


class CheckedProofs:
    """The proofs this service believes."""

    def __init__(
        self,
        *,
        issuer: StaffIssuer,
        service_keys: Mapping[str, keys.PublicKey],
        key_ring: KeyRing,
    ) -> None:
        """Believe these.

        Args:
            issuer: The organisation's provider, for staff.
            service_keys: The public key of each service, by its name.
            key_ring: The keys that sign customers' links.
        """
        self._issuer = issuer
        self._service_keys = service_keys
        self._key_ring = key_ring

    async def staff(self, id_token: str) -> StaffProof:
        """What an ID token of the organisation's provider says."""
        return await self._issuer.proof(id_token)

    def service(self, assertion: str) -> Assertion:
        """What a service's assertion says."""
        key = self._service_keys.get(assertions.claimed_name(assertion))
        if key is None:
            raise ProofRefused
        return _checked(assertion, key)

    def partner_id(self, assertion: str) -> str:
        """Who an assertion claims to come from; nothing is proven by that."""
        claimed = assertions.claimed_name(assertion).removeprefix("partners/")
        if not ids.is_id(claimed):
            raise ProofRefused
        return claimed

    def partner(self, assertion: str, partner: Partner) -> Assertion:
        """What a partner's assertion says. One without an id of its own could be used twice."""
        checked = _checked(assertion, keys.read_public(partner.public_key_pem))
        if not checked.assertion_id:
            raise ProofRefused
        return checked

    def conversation_id(self, link: str, now: datetime) -> str:
        """The conversation a customer's link shows."""
        try:
            return self._key_ring.verify(_CUSTOMER_LINK, link, now)
        except Unauthenticated as error:
            raise (ProofExpired if error.code == "link_expired" else ProofRefused) from None


def load_service_keys(path: Path | None) -> Mapping[str, keys.PublicKey]:
    """Read the public keys of the services: JSON, name -> PEM.

    Raises:
        CannotStart: says what is wrong with the file.
    """
    if path is None:
        raise CannotStart("there are no service keys: set OTKLIK_TICKETS_SERVICE_KEYS_FILE")
    try:
        written: dict[str, str] = json.loads(path.read_text())
    except OSError as error:
        raise CannotStart(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise CannotStart(f'{path} must be JSON, {{"<service>": "<PEM>", ...}}') from error
    return {name: keys.read_public(pem) for name, pem in written.items()}


def _checked(assertion: str, key: keys.PublicKey) -> Assertion:
    name = assertions.verify(assertion, key)
    # The signature was just checked; only what the runtime does not hand out is read again.
    claims = jwt.decode(assertion, options={"verify_signature": False})
    return Assertion(
        issuer=name,
        assertion_id=str(claims.get("jti", "")),
        expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
    )
