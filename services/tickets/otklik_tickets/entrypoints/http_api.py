"""The HTTP port: probes, and the keys everybody verifies access tokens with."""

from collections.abc import Callable, Mapping
from typing import Any

from otklik_runtime.auth import TokenIssuer

JWKS = "/.well-known/jwks.json"


def documents(issuer: TokenIssuer) -> Mapping[str, Callable[[], Any]]:
    """The public documents, by path."""
    return {JWKS: issuer.jwks}
