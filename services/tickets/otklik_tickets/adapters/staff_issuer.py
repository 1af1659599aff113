"""The organisation's OpenID Connect provider: found by discovery, believed by its keys."""

import asyncio
import json
import time
import urllib.request
from collections.abc import Mapping
from typing import Any

import jwt

from otklik_runtime.errors import Unavailable
from otklik_tickets.domain.sessions import ProofExpired, ProofRefused, StaffProof

_DISCOVERY = "/.well-known/openid-configuration"
_TIMEOUT_SECONDS = 5.0
# A key nobody knows may be new: the keys are read again, but not for every forged token.
_REFETCH_SECONDS = 10.0
_KEYS_AGE_SECONDS = 3600.0
_LEEWAY_SECONDS = 30
# Only signatures by public keys: with a secret one, whoever may check could also forge.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
_LOCALES = ("ru", "en")


class StaffIssuer:
    """Knows whose an ID token is."""

    def __init__(self, url: str, *, audience: str) -> None:
        """Describe the provider; it is asked when the first person signs in.

        Args:
            url: Its issuer address, as in `iss`.
            audience: The client the tokens are made for.
        """
        self._url = url
        self._audience = audience
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def proof(self, id_token: str) -> StaffProof:
        """What an ID token says.

        Raises:
            ProofRefused: it is not signed by the provider, or made for somebody else.
            ProofExpired: it was good once.
            Unavailable: the provider's keys cannot be read.
        """
        key = await self._key(_key_id(id_token))
        try:
            claims = jwt.decode(
                id_token,
                key,
                algorithms=_ALGORITHMS,
                audience=self._audience,
                issuer=self._url,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["iss", "aud", "sub", "exp", "iat"]},
            )
        except jwt.ExpiredSignatureError:
            raise ProofExpired from None
        except jwt.InvalidTokenError:
            raise ProofRefused from None
        language = str(claims.get("locale", ""))[:2].lower()
        return StaffProof(
            subject=str(claims["sub"]),
            name=str(claims.get("name", "")),
            locale=language if language in _LOCALES else "",
        )

    async def _key(self, key_id: str) -> jwt.PyJWK:
        age = time.monotonic() - self._fetched_at
        unknown = key_id not in self._keys
        if age > _KEYS_AGE_SECONDS or (unknown and age > _REFETCH_SECONDS):
            await self._fetch(key_id)
        if key_id not in self._keys:
            raise ProofRefused
        return self._keys[key_id]

    async def _fetch(self, key_id: str) -> None:
        began = time.monotonic()
        async with self._fetching:
            if self._fetched_at >= began:
                return
            try:
                self._keys = await asyncio.to_thread(_published_keys, self._url)
            except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
                # Keys that were good stay good while the provider restarts.
                if key_id in self._keys:
                    return
                raise Unavailable(
                    "staff_issuer_unavailable",
                    "The organisation's sign-in does not answer: try again in a moment.",
                ) from error
            self._fetched_at = time.monotonic()


def _key_id(id_token: str) -> str:
    try:
        header = jwt.get_unverified_header(id_token)
    except jwt.InvalidTokenError:
        raise ProofRefused from None
    if header.get("alg") not in _ALGORITHMS:
        raise ProofRefused
    return str(header.get("kid", ""))


def _published_keys(url: str) -> Mapping[str, jwt.PyJWK]:
    configuration = _read_json(url.rstrip("/") + _DISCOVERY)
    if configuration["issuer"] != url:
        raise ValueError("the provider calls itself otherwise")
    keys = jwt.PyJWKSet.from_dict(_read_json(configuration["jwks_uri"])).keys
    return {str(key.key_id or ""): key for key in keys}


def _read_json(url: str) -> Any:
    request = urllib.request.Request(url, headers={"accept": "application/json"})  # noqa: S310 - addresses of the provider we are told to believe
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
        return json.load(answer)
