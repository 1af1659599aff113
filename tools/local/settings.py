"""What the person at the keyboard may set, by environment or by `make`'s variables."""

from pathlib import Path

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from tools.local.home import ROOT
from tools.local.ports import DEFAULT_BASE
from tools.pages.language import Language


class LocalSettings(BaseSettings):
    """The few choices there are."""

    model_config = SettingsConfigDict(frozen=True, populate_by_name=True)

    port_base: int = Field(
        default=DEFAULT_BASE, ge=1024, le=65_000, validation_alias=AliasChoices("OTKLIK_PORT_BASE")
    )
    run_dir: Path = Field(default=ROOT / ".run", validation_alias=AliasChoices("OTKLIK_RUN_DIR"))
    telemetry_endpoint: str | None = Field(
        default=None, validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT")
    )
    locale: str = Field(default="", validation_alias=AliasChoices("LC_ALL", "LC_MESSAGES", "LANG"))

    @property
    def language(self) -> Language:
        """The language of what is printed about events."""
        return "ru" if self.locale.lower().startswith("ru") else "en"
