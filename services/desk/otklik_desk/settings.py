"""What the desk can be told."""

from typing import ClassVar
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator

from otklik_runtime import env


class Settings(env.Settings):
    """The environment of the desk: beside the shared variables, where its people sign in."""

    service: ClassVar[str] = "desk"
    # It keeps nothing, hears nothing yet and serves pages only. Its private key also seals cookies.
    needed: ClassVar[tuple[str, ...]] = (
        "http_port",
        "identity_address",
        "private_key_file",
        "public_url",
        "grpc_addresses",
        "issuer_url",
        "client_id",
    )

    issuer_url: str = Field(
        default="", description="the organisation's OpenID Connect provider: its issuer address"
    )
    client_id: str = Field(default="", description="what the desk is called there")
    client_secret: SecretStr = Field(
        default=SecretStr(""), description="its secret there; empty for a public client"
    )
    time_zone: str = Field(
        default="Europe/Moscow",
        description="the IANA time zone of pages while neither the reader's nor a calendar's is "
        "known",
    )

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (LookupError, OSError):
            raise ValueError("it must be an IANA time zone such as Europe/Moscow") from None
        return name

    @property
    def secure(self) -> bool:
        """Whether cookies travel over TLS only."""
        return self.environment == "production" or self.public_url.startswith("https://")
