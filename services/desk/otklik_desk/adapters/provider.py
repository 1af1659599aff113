"""The organisation's OpenID Connect provider: code flow with PKCE.

The provider's answer comes over a connection of ours, and tickets checks the ID token's signature,
audience and time before it believes it; what only the desk can check is that the token answers the
question this browser asked: its nonce.
"""

import hmac
import secrets
import time
from typing import Any

import httpx
import jwt
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from otklik_desk.domain.errors import SignInFailed
from otklik_desk.ports import Beginning
from otklik_runtime.errors import Unavailable

_SCOPE = "openid profile"
_CONFIGURATION_SECONDS = 3600.0
_TIMEOUT_SECONDS = 10.0


class OidcProvider:
    """Signs people in at one issuer."""

    def __init__(self, issuer: str, *, client_id: str, client_secret: str) -> None:
        """Nothing is asked before the first sign-in.

        Args:
            issuer: The issuer's address.
            client_id: What we are called there.
            client_secret: Our secret there; empty for a public client, which PKCE protects.
        """
        self._issuer = issuer.rstrip("/")
        self._client_id = client_id
        self._client_secret = client_secret
        # Made once: it reads the whole list of authorities.
        self._trust = httpx.create_ssl_context()
        self._configuration: dict[str, Any] = {}
        self._read_at = float("-inf")

    async def begin(self, *, return_address: str, locale: str) -> Beginning:
        """Begin a sign-in."""
        configuration = await self._configured()
        state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
        async with self._client() as client:
            address, _ = client.create_authorization_url(
                configuration["authorization_endpoint"],
                state=state,
                code_verifier=verifier,
                nonce=nonce,
                redirect_uri=return_address,
                ui_locales=locale,
            )
        return Beginning(address=address, state=state, nonce=nonce, verifier=verifier)

    async def finish(self, begun: Beginning, *, code: str, return_address: str) -> str:
        """Give the ID token of whoever returned with this code."""
        configuration = await self._configured()
        try:
            async with self._client() as client:
                answer = await client.fetch_token(
                    configuration["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=begun.verifier,
                    redirect_uri=return_address,
                )
        except OAuthError:
            raise SignInFailed("refused") from None
        except (httpx.HTTPError, ValueError):
            raise SignInFailed("provider") from None
        id_token = str(answer.get("id_token", ""))
        if not hmac.compare_digest(_nonce_of(id_token).encode(), begun.nonce.encode()):
            raise SignInFailed("refused")
        return id_token

    def _client(self) -> Any:
        """Make the client of one sign-in: it remembers a token, and no two people may share it."""
        method = "client_secret_basic" if self._client_secret else "none"
        return AsyncOAuth2Client(
            client_id=self._client_id,
            client_secret=self._client_secret or None,
            token_endpoint_auth_method=method,
            scope=_SCOPE,
            code_challenge_method="S256",
            timeout=_TIMEOUT_SECONDS,
            verify=self._trust,
        )

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
            async with httpx.AsyncClient(verify=self._trust, timeout=_TIMEOUT_SECONDS) as client:
                answer = await client.get(address)
            found = answer.raise_for_status().json()
            ours = str(found["issuer"]).rstrip("/") == self._issuer
            known = {"authorization_endpoint", "token_endpoint"} <= set(found)
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return None
        configuration: dict[str, Any] = found
        return configuration if ours and known else None


def _nonce_of(id_token: str) -> str:
    try:
        claims = jwt.decode(id_token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise SignInFailed("provider") from None
    return str(claims.get("nonce", ""))
