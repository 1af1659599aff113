"""Settings: read once, from the environment, checked before anything starts.

A service declares one frozen class::

    class Settings(env.Settings):
        service: ClassVar[str] = "sla"
        tick_seconds: float = 1.0

A field `x` of service `s` is read from `OTKLIK_<S>_X`, else from `OTKLIK_X`. A secret can also be
given as a file: `OTKLIK_<S>_X_FILE`, else `OTKLIK_X_FILE`. A variable that begins with
`OTKLIK_<S>_` and means nothing is refused: it is a typing error that would otherwise be found late.
"""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from otklik_runtime.errors import CannotStart

PREFIX = "OTKLIK_"


class SettingsRefused(CannotStart):
    """The environment does not say, or says wrongly, how to run."""


class _Secret:
    """The mark of a plain string that holds a password, such as an address with one in it."""


# An address that may hold a password: never shown, and may be given as a file.
SecretUrl = Annotated[str, Field(repr=False), _Secret()]


def _as_addresses(value: object) -> object:
    """Read `owner=address,owner=address`."""
    if not isinstance(value, str):
        return value
    pairs = (pair.partition("=") for pair in value.split(",") if pair.strip())
    return {owner.strip(): address.strip() for owner, _, address in pairs}


Addresses = Annotated[dict[str, str], BeforeValidator(_as_addresses)]


class Settings(BaseModel):
    """What every service can be told; a service adds its own fields."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        validate_default=True,
    )

    service: ClassVar[str] = ""
    # The shared settings that must be given, in the environment, to every service ...
    needed: ClassVar[tuple[str, ...]] = (
        "database_url",
        "database_direct_url",
        "nats_url",
        "grpc_port",
        "http_port",
        "jwks_url",
        "identity_address",
        "private_key_file",
    )
    # ... except those that this one does without.
    unused: ClassVar[frozenset[str]] = frozenset()

    environment: Literal["development", "production"] = Field(
        default="production",
        description="`development` allows plaintext gRPC and development keys",
    )
    database_url: SecretUrl = Field(
        default="",
        description="PostgreSQL, through a pooler or directly: `postgresql://user:password@host/name`",
    )
    database_direct_url: SecretUrl = Field(
        default="",
        description="PostgreSQL without a pooler, for migrations and the relay's lock",
    )
    nats_url: SecretUrl = Field(default="", description="NATS servers, comma-separated")
    nats_user: str = Field(default="", description="this service's NATS user")
    nats_password: SecretStr = Field(default=SecretStr(""), description="its password")
    host: str = Field(default="127.0.0.1", description="the address the servers listen on")
    grpc_port: int = Field(default=0, ge=0, le=65535, description="the port of the gRPC server")
    http_port: int = Field(default=0, ge=0, le=65535, description="the port of the HTTP server")
    public_url: str = Field(default="", description="how people reach this service's pages")
    jwks_url: str = Field(default="", description="where the keys of access tokens are published")
    identity_address: str = Field(
        default="",
        description="the gRPC address of the service that exchanges tokens",
    )
    grpc_addresses: Addresses = Field(
        default={},
        description="the gRPC addresses of other services: `owner=address,owner=address`",
    )
    private_key_file: Path | None = Field(
        default=None,
        description="this service's Ed25519 private key (PEM), which proves who it is",
    )
    key_ring_file: Path | None = Field(
        default=None,
        description="the keys that sign links and mail tokens",
    )
    tls_certificate_file: Path | None = Field(default=None, description="gRPC: own certificate")
    tls_private_key_file: Path | None = Field(default=None, description="gRPC: its private key")
    tls_authority_file: Path | None = Field(default=None, description="gRPC: whom to believe")
    plaintext: bool = Field(
        default=False,
        description="gRPC without TLS, where a service mesh encrypts",
    )
    telemetry_endpoint: str = Field(
        default="",
        description="OTLP over gRPC for traces and metrics; empty sends nothing",
    )
    trace_ratio: float = Field(default=0.05, ge=0, le=1, description="the share of traces kept")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info")
    failpoint: str = Field(
        default="",
        description="where a test lets the process die; only in development",
    )
    drain_seconds: float = Field(
        default=20,
        gt=0,
        description="how long each part may take to finish its work when the process ends",
    )

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the settings from the environment.

        Raises:
            SettingsRefused: names every variable that is missing, unknown or wrong.
        """
        source = os.environ if environment is None else environment
        complaints = cls._unknown(source)
        given: dict[str, Any] = {}
        for field in cls.model_fields:
            try:
                value = cls._read(field, source)
            except OSError as error:
                complaints.append(f"{cls.variable(field)}_FILE cannot be read: {error.strerror}")
                continue
            if value is not None:
                given[field] = value
        complaints += cls._missing(given)
        settings: Self | None = None
        try:
            settings = cls(**given)
        except ValidationError as error:
            complaints += cls._explained(error)
        if settings is None or complaints:
            raise SettingsRefused("; ".join(complaints))
        settings.require_encryption()
        return settings

    @classmethod
    def variable(cls, field: str) -> str:
        """Name the variable that sets a field of this service."""
        return f"{PREFIX}{cls.service.upper()}_{field.upper()}"

    @classmethod
    def is_secret(cls, field: str) -> bool:
        """Tell whether a field must never be shown."""
        info = cls.model_fields[field]
        return info.annotation is SecretStr or any(isinstance(m, _Secret) for m in info.metadata)

    def described(self) -> dict[str, str]:
        """Give every setting by its variable, secrets hidden, for a person to read."""
        shown = {}
        for field in type(self).model_fields:
            value = getattr(self, field)
            hidden = self.is_secret(field) and str(value)
            shown[self.variable(field)] = "(secret)" if hidden else str(value)
        return shown

    def address_of(self, owner: str) -> str:
        """Give the gRPC address of another service.

        Raises:
            SettingsRefused: nobody said it.
        """
        try:
            return self.grpc_addresses[owner]
        except KeyError:
            raise SettingsRefused(
                f"the gRPC address of {owner} is not known: add `{owner}=HOST:PORT` to "
                f"{PREFIX}GRPC_ADDRESSES",
            ) from None

    def require_encryption(self) -> None:
        """Refuse production without TLS unless somebody says in so many words that it is meant.

        Raises:
            SettingsRefused: neither certificates nor the word were given.
        """
        if self.environment == "development" or self.plaintext or "grpc_port" in self.unused:
            return
        if not (
            self.tls_certificate_file and self.tls_private_key_file and self.tls_authority_file
        ):
            raise SettingsRefused(
                f"gRPC has no certificates: set {PREFIX}TLS_CERTIFICATE_FILE, "
                f"{PREFIX}TLS_PRIVATE_KEY_FILE and {PREFIX}TLS_AUTHORITY_FILE, or "
                f"{PREFIX}PLAINTEXT=true where a service mesh encrypts",
            )

    @classmethod
    def _names(cls, field: str) -> list[str]:
        return [cls.variable(field), f"{PREFIX}{field.upper()}"]

    @classmethod
    def _read(cls, field: str, source: Mapping[str, str]) -> str | None:
        for name in cls._names(field):
            if source.get(name, "") != "":
                return source[name]
            if cls.is_secret(field) and source.get(f"{name}_FILE", "") != "":
                return Path(source[f"{name}_FILE"]).read_text().strip()
        return None

    @classmethod
    def _missing(cls, given: Mapping[str, object]) -> list[str]:
        needed = (field for field in cls.needed if field not in cls.unused)
        return [
            f"{cls.variable(field)} is not set ({cls.model_fields[field].description})"
            for field in needed
            if field not in given
        ]

    @classmethod
    def _unknown(cls, source: Mapping[str, str]) -> list[str]:
        own = f"{PREFIX}{cls.service.upper()}_"
        known = {cls.variable(field) for field in cls.model_fields}
        known |= {f"{cls.variable(field)}_FILE" for field in cls.model_fields}
        complaints = []
        for name in sorted(source):
            if name.startswith(own) and name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f": did you mean {near[0]}?" if near else ""
                complaints.append(f"{name} is not a setting{hint}")
        return complaints

    @classmethod
    def _explained(cls, error: ValidationError) -> list[str]:
        # Only the location and the rule: the value itself may be a secret.
        return [
            f"{cls.variable(str(fault['loc'][0]))} is wrong: {fault['msg'][:1].lower()}"
            f"{fault['msg'][1:]}"
            if fault["type"] != "missing"
            else f"{cls.variable(str(fault['loc'][0]))} is not set"
            for fault in error.errors(include_input=False, include_url=False)
        ]
