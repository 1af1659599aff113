"""What each process of the stack is told, and nothing more: no variable is inherited."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from otklik_ops.permissions import PROVISIONER
from tools.local.home import ROOT, Home
from tools.local.ports import LOOPBACK, Ports
from tools.local.secrets import Secrets

DATABASE_OWNERS = ("intake", "tickets", "sla", "notify", "feedback")
SERVICES = (*DATABASE_OWNERS, "desk")
DRAIN_SECONDS = "10"
BOOTSTRAP_SUBJECT = "dev-admin"
CLIENT_ID = "otklik-desk"


@dataclass(frozen=True, kw_only=True)
class Environments:
    """Writes the environment of every process of one stack.

    Args:
        trace_ratio: the share of traces that are kept; everything is shown on a laptop.
        telemetry_endpoint: where spans go; the stack's own receiver unless given.
        further: variables added to every service's environment, by service; tests set some.
    """

    ports: Ports
    home: Home
    secrets: Secrets
    trace_ratio: float = 1.0
    telemetry_endpoint: str | None = None
    further: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def plain(self) -> dict[str, str]:
        """Write what any program needs."""
        return {
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.defpath)),
            "HOME": str(self.home.path),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(ROOT),
            # Two processes of one program write the same files: only one thread of gRPC's is asked.
            "GRPC_VERBOSITY": "ERROR",
        }

    def service(self, name: str) -> dict[str, str]:
        """Write a service's environment."""
        own = {
            **self.plain(),
            **self._shared(name),
            **(self._database(name) if name in DATABASE_OWNERS else {}),
            **self._special(name),
            **self.further.get(name, {}),
        }
        if name in DATABASE_OWNERS:
            own["OTKLIK_GRPC_PORT"] = str(self.ports.grpc(name))
        return own

    def provisioner(self) -> dict[str, str]:
        """Write the provisioner's environment."""
        return {
            **self.plain(),
            "OTKLIK_ENVIRONMENT": "development",
            "OTKLIK_HTTP_PORT": str(self.ports.provisioner_http),
            "OTKLIK_LOG_LEVEL": "info",
            "OTKLIK_TELEMETRY_ENDPOINT": self._telemetry(),
            **self._broker(PROVISIONER),
        }

    def tool(self) -> dict[str, str]:
        """Write the environment of a tool: the issuer wants to hear that this is development."""
        return {**self.plain(), "OTKLIK_ENVIRONMENT": "development"}

    def database_url(self, service: str, port: int | None = None) -> str:
        """Write the address of a service's own database under its own role."""
        role = database_of(service)
        password = self.secrets.database_password(role)
        return f"postgresql://{role}:{password}@{LOOPBACK}:{port or self.ports.postgres}/{role}"

    def _shared(self, name: str) -> dict[str, str]:
        addresses = ",".join(
            f"{owner}={self.ports.grpc_address(owner)}" for owner in DATABASE_OWNERS
        )
        return {
            "OTKLIK_ENVIRONMENT": "development",
            "OTKLIK_HOST": LOOPBACK,
            "OTKLIK_HTTP_PORT": str(self.ports.http(name)),
            "OTKLIK_PUBLIC_URL": self.ports.url(name),
            "OTKLIK_JWKS_URL": f"{self.ports.url('tickets')}/.well-known/jwks.json",
            "OTKLIK_IDENTITY_ADDRESS": self.ports.grpc_address("tickets"),
            "OTKLIK_GRPC_ADDRESSES": addresses,
            "OTKLIK_PRIVATE_KEY_FILE": str(self.secrets.private_key_file(name)),
            "OTKLIK_KEY_RING_FILE": str(self.secrets.key_ring),
            "OTKLIK_TELEMETRY_ENDPOINT": self._telemetry(),
            "OTKLIK_TRACE_RATIO": str(self.trace_ratio),
            "OTKLIK_LOG_LEVEL": "info",
            "OTKLIK_DRAIN_SECONDS": DRAIN_SECONDS,
            **self._broker(name),
        }

    def _database(self, name: str) -> dict[str, str]:
        url = self.database_url(name)
        return {"OTKLIK_DATABASE_URL": url, "OTKLIK_DATABASE_DIRECT_URL": url}

    def _broker(self, user: str) -> dict[str, str]:
        return {
            "OTKLIK_NATS_URL": self.ports.nats_url,
            "OTKLIK_NATS_USER": user,
            "OTKLIK_NATS_PASSWORD": self.secrets.nats_password(user),
        }

    def _telemetry(self) -> str:
        if self.telemetry_endpoint is not None:
            return self.telemetry_endpoint
        return f"http://{LOOPBACK}:{self.ports.traces_grpc}"

    def _special(self, name: str) -> dict[str, str]:
        """Write what only one service is told."""
        ports = self.ports
        pages = {
            "OTKLIK_DESK_PUBLIC_URL": ports.url("desk"),
            "OTKLIK_FEEDBACK_PUBLIC_URL": ports.url("feedback"),
        }
        special: dict[str, dict[str, str]] = {
            "intake": {"OTKLIK_INTAKE_SMTP_PORT": str(ports.intake_smtp)},
            "tickets": {
                "OTKLIK_TICKETS_SIGNING_KEY_FILE": str(self.secrets.private_key_file("signing")),
                "OTKLIK_TICKETS_STAFF_ISSUER_URL": ports.issuer_url,
                "OTKLIK_TICKETS_BOOTSTRAP_ADMIN_SUBJECT": BOOTSTRAP_SUBJECT,
                "OTKLIK_TICKETS_SERVICE_KEYS_FILE": str(self.secrets.service_keys),
            },
            "notify": {
                "OTKLIK_NOTIFY_SMTP_HOST": LOOPBACK,
                "OTKLIK_NOTIFY_SMTP_PORT": str(ports.mailbox_smtp),
                **pages,
            },
            "desk": {
                "OTKLIK_DESK_ISSUER_URL": ports.issuer_url,
                "OTKLIK_DESK_CLIENT_ID": CLIENT_ID,
            },
        }
        return special.get(name, {})


def database_of(service: str) -> str:
    """Name a service's database, which is also the name of its role."""
    return f"otklik_{service}"
