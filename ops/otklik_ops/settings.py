"""What the operators' command is told from outside: where the services are, and who is asking."""

from typing import ClassVar

from pydantic import Field, SecretStr

from otklik_runtime import env


class Settings(env.Settings):
    """The settings of the `otklik` command."""

    service: ClassVar[str] = "ops"
    needed: ClassVar[tuple[str, ...]] = ("identity_address",)
    unused: ClassVar[frozenset[str]] = frozenset({"grpc_port"})

    id_token: SecretStr = Field(
        default=SecretStr(""),
        description="the operator's ID token of the organisation's identity provider",
    )
    access_token: SecretStr = Field(
        default=SecretStr(""),
        description="an access token exchanged before, instead of an ID token",
    )
