"""What the provisioner is told from outside."""

from typing import ClassVar

from pydantic import Field

from otklik_runtime import env


class Settings(env.Settings):
    """The provisioner's settings: a broker, and no database, no callers, no identity."""

    service: ClassVar[str] = "provisioner"
    unused: ClassVar[frozenset[str]] = frozenset(
        {
            "database_url",
            "database_direct_url",
            "grpc_port",
            "jwks_url",
            "identity_address",
            "private_key_file",
        },
    )

    replicas: int = Field(
        default=1, ge=1, le=5, description="copies of each stream; 3 on a cluster"
    )
