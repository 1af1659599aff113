"""Believing access tokens without asking: by the keys that their issuer publishes as JWKS."""

import asyncio
import json
import time
import urllib.request
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

from otklik_runtime.auth import Principal, Tokens, invalid, key_id_of
from otklik_runtime.errors import Unavailable

# A key that nobody knows may be new: the document is read again, but not for every forged token.
REFETCH_SECONDS = 10.0
KEYS_AGE_SECONDS = 3600.0
FETCH_TIMEOUT_SECONDS = 5.0


class JwksVerifier:
    """Verifies access tokens with the keys their issuer publishes."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._tokens = Tokens()

    async def verify(self, token: str) -> Principal:
        """Give the token's principal."""
        known = self._tokens.remembered(token)
        if known is not None:
            return known
        key_id = key_id_of(token)
        if key_id not in self._keys or time.monotonic() - self._fetched_at > KEYS_AGE_SECONDS:
            await self._fetch(key_id)
        key = self._keys.get(key_id)
        if key is None:
            raise invalid()
        return self._tokens.checked(token, key)

    async def _fetch(self, key_id: str) -> None:
        """Read the document again, one call for all who wait for it, and not too often."""
        began = time.monotonic()
        async with self._fetching:
            tried_meanwhile = self._tried_at >= began
            if tried_meanwhile or (self._keys and began - self._tried_at < REFETCH_SECONDS):
                error = None
            else:
                error = await self._read()
        # Keys that were good stay good while the issuer restarts.
        if not self._keys or (error is not None and key_id not in self._keys):
            raise Unavailable(
                "identity_keys_unavailable",
                f"the keys of access tokens cannot be read from {self._url}; try again",
            ) from error

    async def _read(self) -> Exception | None:
        """Read the document, or give the reason why it could not be read."""
        self._tried_at = time.monotonic()
        try:
            document = await asyncio.to_thread(_read_json, self._url)
            self._keys = _public_keys(document)
        except (OSError, ValueError, KeyError, TypeError, jwt.InvalidKeyError) as error:
            return error
        self._fetched_at = time.monotonic()
        return None


def _read_json(url: str) -> Any:
    request = urllib.request.Request(url, headers={"accept": "application/json"})  # noqa: S310 - the address comes from our own settings
    with urllib.request.urlopen(request, timeout=FETCH_TIMEOUT_SECONDS) as answer:  # noqa: S310
        return json.load(answer)


def _public_keys(document: Any) -> dict[str, Ed25519PublicKey]:
    found = {}
    for entry in document["keys"]:
        if entry.get("kty") == "OKP" and entry.get("crv") == "Ed25519":
            key = OKPAlgorithm.from_jwk(entry)
            if isinstance(key, Ed25519PublicKey):
                found[str(entry["kid"])] = key
    if not found:
        raise ValueError("no key that we understand")
    return found
