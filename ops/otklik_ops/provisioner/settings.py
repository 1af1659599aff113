"""What the provisioner is told from outside."""

from typing import ClassVar

from pydantic import Field

from otklik_runtime import env


class Settings(env.Settings):
    """The provisioner's settings."""

    service: ClassVar[str] = "provisioner"

    replicas: int = Field(
        default=1, ge=1, le=5, description="Copies of each stream: 3 on a cluster."
    )
