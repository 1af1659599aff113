"""What tickets can be told."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from otklik_runtime import env


class Settings(env.Settings):
    """The environment of tickets: beside the shared variables, who may sign in and with what."""

    service: ClassVar[str] = "tickets"
    needed: ClassVar[tuple[str, ...]] = (
        *env.Settings.needed,
        "key_ring_file",
        "signing_key_file",
        "staff_issuer_url",
        "service_keys_file",
    )
    # It issues the access tokens, so it knows their keys without asking.
    unused: ClassVar[frozenset[str]] = frozenset({"jwks_url"})

    signing_key_file: Path | None = Field(
        default=None,
        description="the Ed25519 private keys (PEM) that sign access tokens; the first one signs, "
        "all are published",
    )
    staff_issuer_url: str = Field(
        default="", description="the organisation's OpenID Connect provider: its issuer address"
    )
    staff_audience: str = Field(
        default="otklik-desk", description="the client that staff ID tokens are made for"
    )
    bootstrap_admin_subject: str = Field(
        default="",
        description="the `sub` of the person who becomes administrator at the first sign-in",
    )
    service_keys_file: Path | None = Field(
        default=None,
        description="the public keys of the services: JSON, service name to PEM",
    )
    staff_session_hours: float = Field(
        default=12, gt=0, description="how long an agent stays signed in"
    )
    customer_session_days: float = Field(
        default=30, gt=0, description="how long a customer who followed a link stays signed in"
    )
