"""What notify can be told."""

from typing import ClassVar, Literal

from pydantic import Field, SecretStr

from otklik_runtime import env


class Settings(env.Settings):
    """The environment of notify: beside the shared variables, its mail server and its patience."""

    service: ClassVar[str] = "notify"
    needed: ClassVar[tuple[str, ...]] = (
        *env.Settings.needed,
        "key_ring_file",
        "smtp_host",
        "desk_public_url",
        "feedback_public_url",
    )

    smtp_host: str = Field(default="", description="the mail server that everything is handed to")
    smtp_port: int = Field(default=587, ge=1, le=65535, description="its port")
    smtp_encryption: Literal["", "starttls", "tls", "none"] = Field(
        default="",
        description="how the way to it is encrypted; empty means starttls, in development none",
    )
    smtp_username: str = Field(default="", description="the user there; empty for none")
    smtp_password: SecretStr = Field(default=SecretStr(""), description="its password")
    smtp_hostname: str = Field(
        default="localhost", description="what this host calls itself in EHLO"
    )
    smtp_timeout_seconds: float = Field(
        default=30, gt=0, description="how long the server may take to answer one command"
    )
    smtp_connections: int = Field(
        default=8, ge=1, le=64, description="how many mails are handed over at once"
    )
    lease_seconds: float = Field(
        default=180,
        gt=0,
        description="after how long without an answer a sender counts as dead; half of it is the "
        "most that one attempt may take",
    )
    acknowledgement_wait_seconds: float = Field(
        default=30,
        gt=0,
        description="how long an acknowledgement waits for its deadline before it leaves without",
    )
    automatic_limit: int = Field(
        default=500,
        ge=1,
        description="how many automatic mails one address gets in 24 hours: ends loops between "
        "machines; agents' answers are never limited",
    )
    desk_public_url: str = Field(
        default="", description="the desk's public address, for customers' links"
    )
    feedback_public_url: str = Field(
        default="", description="feedback's public address, for rating links"
    )

    @property
    def smtp_protection(self) -> str:
        """How the way to the mail server is encrypted."""
        return self.smtp_encryption or ("none" if self.environment == "development" else "starttls")
