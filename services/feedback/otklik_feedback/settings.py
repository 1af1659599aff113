"""What feedback can be told."""

from typing import ClassVar

from pydantic import Field

from otklik_runtime import env


class Settings(env.Settings):
    """The environment of feedback: the shared variables and how long a rating link is good."""

    service: ClassVar[str] = "feedback"
    needed: ClassVar[tuple[str, ...]] = (*env.Settings.needed, "key_ring_file")

    survey_days: int = Field(
        default=30, ge=1, le=365, description="for how many days a rating link is good"
    )
