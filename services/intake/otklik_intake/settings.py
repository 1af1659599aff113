"""What intake can be told."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from otklik_runtime import env


class Settings(env.Settings):
    """Intake's settings."""

    service: ClassVar[str] = "intake"
    needed: ClassVar[tuple[str, ...]] = (*env.Settings.needed, "key_ring_file", "smtp_port")

    smtp_host: str = Field(default="", description="where SMTP listens; like the others if empty")
    smtp_port: int = Field(default=0, ge=0, le=65535, description="the port of the SMTP server")
    smtp_hostname: str = Field(
        default="", description="what the SMTP server calls itself; the machine's name if empty"
    )
    smtp_certificate_file: Path | None = Field(
        default=None, description="the certificate for STARTTLS (PEM); without it there is none"
    )
    smtp_private_key_file: Path | None = Field(default=None, description="its private key (PEM)")
    max_message_bytes: int = Field(
        default=25 * 1024 * 1024,
        ge=64 * 1024,
        le=100 * 1024 * 1024,
        description="the largest mail or form with its files that is taken",
    )
    requests_per_minute: int = Field(
        default=30, ge=1, description="how many requests one address may make by form and API"
    )
