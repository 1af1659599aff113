"""What sla can be told."""

from typing import ClassVar

from pydantic import Field

from otklik_runtime import env


class Settings(env.Settings):
    """The environment of sla: beside the shared variables, how often it looks at the clocks."""

    service: ClassVar[str] = "sla"

    tick_seconds: float = Field(
        default=0.5, gt=0, le=60, description="how often due clocks are looked for"
    )
