"""What every process of the stack is: its command, its environment, its page of readiness."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from tools.local.child import Child, WhyNotReady, http_readiness
from tools.local.environment import SERVICES, Environments
from tools.local.home import ROOT, Home
from tools.local.ports import LOOPBACK, Ports
from tools.local.secrets import ISSUER, Secrets

PEOPLE = ROOT / "demo/seed/agents.yaml"
PROVISIONER = "provisioner"
TOOLS = ("traces", "mailbox", "issuer")


@dataclass(frozen=True, kw_only=True)
class Processes:
    """Describes the processes of one stack; starts none."""

    ports: Ports
    home: Home
    secrets: Secrets
    environments: Environments
    http: httpx.AsyncClient

    def service(self, name: str) -> Child:
        """Describe a service that serves."""
        return self._child(
            name,
            (*program_of(name), "serve"),
            self.environments.service(name),
            self._page(f"http://{LOOPBACK}:{self.ports.http(name)}"),
        )

    def migration(self, name: str) -> Child:
        """Describe the job that brings a service's database up to date."""
        return self._child(
            f"{name}-migrate", (*program_of(name), "migrate"), self.environments.service(name), None
        )

    def provisioner(self) -> Child:
        """Describe the provisioner."""
        return self._child(
            PROVISIONER,
            (sys.executable, "-m", "otklik_ops.provisioner", "serve"),
            self.environments.provisioner(),
            self._page(f"http://{LOOPBACK}:{self.ports.provisioner_http}"),
        )

    def tool(self, name: str) -> Child:
        """Describe the receiver of traces, the local mailbox or the development issuer."""
        command, url = self._tools()[name]
        return self._child(
            name,
            (sys.executable, "-m", *command),
            self.environments.tool(),
            self._page(url),
        )

    def _tools(self) -> dict[str, tuple[tuple[str, ...], str]]:
        ports = self.ports
        traces = ("--grpc-port", str(ports.traces_grpc), "--http-port", str(ports.traces_http))
        mailbox = (
            *("--smtp-port", str(ports.mailbox_smtp), "--http-port", str(ports.mailbox_http)),
            *("--dir", str(self.home.mailbox)),
        )
        issuer = (
            *("--port", str(ports.issuer_http)),
            *("--key", str(self.secrets.private_key_file(ISSUER))),
            *("--people", str(PEOPLE)),
        )
        return {
            "traces": (("tools.traces", *traces), ports.traces_url),
            "mailbox": (("tools.mailbox", *mailbox), ports.mailbox_url),
            "issuer": (("tools.local.issuer", *issuer), ports.issuer_url),
        }

    def _child(
        self,
        name: str,
        command: Sequence[str],
        environment: dict[str, str],
        why_not_ready: WhyNotReady | None,
    ) -> Child:
        return Child(
            name=name,
            command=command,
            environment=environment,
            home=self.home,
            directory=ROOT,
            why_not_ready=why_not_ready,
        )

    def _page(self, url: str) -> WhyNotReady:
        return http_readiness(self.http, f"{url}/readyz")


def program_of(service: str) -> tuple[str, ...]:
    """Name the command of a service."""
    return (sys.executable, "-m", f"otklik_{service}")


def services_here() -> tuple[str, ...]:
    """Name the services whose program is in this checkout."""
    found = (ROOT / "services" / name / f"otklik_{name}" / "bootstrap.py" for name in SERVICES)
    return tuple(name for name, path in zip(SERVICES, found, strict=True) if path.exists())


def tools_here() -> tuple[str, ...]:
    """Name the tools whose program is in this checkout."""
    places = {"traces": "tools/traces", "mailbox": "tools/mailbox", "issuer": "tools/local/issuer"}
    return tuple(name for name in TOOLS if (ROOT / places[name] / "__main__.py").exists())
