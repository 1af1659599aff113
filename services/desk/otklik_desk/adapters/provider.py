"""The organisation's OpenID Connect provider: code flow with PKCE.

The provider's answer comes over a connection of ours, and tickets checks the ID token's signature,
audience and time before it believes it; what only the desk can check is that the token answers the
question this browser asked: its nonce.
"""

import base64
import hashlib
import hmac
import secrets
import time
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx
import jwt

from otklik_desk.domain.errors import SignInFailed
from otklik_desk.ports import Beginning
from otklik_runtime.errors import Unavailable

_SCOPE = "openid profile"
_CONFIGURATION_SECONDS = 3600.0
_TIMEOUT_SECONDS = 10.0


class OidcProvider:
    """Signs people in at one issuer."""

    def __init__(
        self,
        issuer: str,
        *,
        client_id: str,
        client_secret: str,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Nothing is asked before the first sign-in.

        Args:
            issuer: The issuer's address.
            client_id: What we are called there.
            client_secret: Our secret there; empty for a public client, which PKCE protects.
            transport: How requests travel; by the network unless given.
        """
        self._issuer = issuer.rstrip("/")
        self._client_id = client_id
        # As RFC 6749 (2.3.1) wants them: encoded as in a form before they are put together.
        self._credentials = (
            httpx.BasicAuth(quote_plus(client_id), quote_plus(client_secret))
            if client_secret
            else None
        )
        self._http = httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, transport=transport)
        self._configuration: dict[str, Any] = {}
        self._read_at = float("-inf")

    @classmethod
    def open(
        cls, issuer: str, stack: AsyncExitStack, *, client_id: str, client_secret: str
    ) -> "OidcProvider":
        """Make one whose connections the stack closes."""
        provider = cls(issuer, client_id=client_id, client_secret=client_secret)
        stack.push_async_callback(provider.close)
        return provider

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def begin(self, *, return_address: str, locale: str) -> Beginning:
        """Begin a sign-in."""
        configuration = await self._configured()
        state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": return_address,
            "scope": _SCOPE,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
            "ui_locales": locale,
        }
        endpoint = str(configuration["authorization_endpoint"])
        address = f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}"
        return Beginning(address=address, state=state, nonce=nonce, verifier=verifier)

    async def finish(self, begun: Beginning, *, code: str, return_address: str) -> str:
        """Give the ID token of whoever returned with this code."""
        configuration = await self._configured()
        told = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": begun.verifier,
            "redirect_uri": return_address,
            "client_id": self._client_id,
        }
        try:
            answer = await self._http.post(
                str(configuration["token_endpoint"]),
                data=told,
                auth=self._credentials or httpx.USE_CLIENT_DEFAULT,
            )
            id_token = str(answer.json().get("id_token", ""))
        except (httpx.HTTPError, ValueError, AttributeError):
            raise SignInFailed("provider") from None
        if answer.is_error:
            raise SignInFailed("refused")
        if not hmac.compare_digest(_nonce_of(id_token).encode(), begun.nonce.encode()):
            raise SignInFailed("refused")
        return id_token

    async def _configured(self) -> dict[str, Any]:
        """Read how the provider is to be used; an old answer is better than none."""
        if time.monotonic() - self._read_at > _CONFIGURATION_SECONDS:
            found = await self._read_configuration()
            if found is not None:
                self._configuration, self._read_at = found, time.monotonic()
        if not self._configuration:
            raise Unavailable(
                "provider_unavailable",
                "the provider of identity does not say how to sign in: try again later",
            )
        return self._configuration

    async def _read_configuration(self) -> dict[str, Any] | None:
        """Ask the provider; None when it does not answer, or answers for somebody else."""
        address = f"{self._issuer}/.well-known/openid-configuration"
        try:
            answer = await self._http.get(address)
            found = answer.raise_for_status().json()
            ours = str(found["issuer"]).rstrip("/") == self._issuer
            known = {"authorization_endpoint", "token_endpoint"} <= set(found)
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return None
        configuration: dict[str, Any] = found
        return configuration if ours and known else None


def challenge_of(verifier: str) -> str:
    """Give the S256 challenge of a verifier (RFC 7636)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _nonce_of(id_token: str) -> str:
    try:
        claims = jwt.decode(id_token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise SignInFailed("provider") from None
    return str(claims.get("nonce", ""))
