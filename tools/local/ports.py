"""Which port everything listens on: one base, fixed distances, all on 127.0.0.1."""

import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass

DEFAULT_BASE = 7400
SPAN = 40
LOOPBACK = "127.0.0.1"

HTTP = {"desk": 0, "intake": 1, "tickets": 2, "sla": 3, "notify": 4, "feedback": 5}
GRPC = {"intake": 11, "tickets": 12, "sla": 13, "notify": 14, "feedback": 15}
PROVISIONER_HTTP = 6
TRACES_HTTP = 8
ISSUER_HTTP = 9
TRACES_GRPC = 17
INTAKE_SMTP = 25
MAILBOX_SMTP = 26
MAILBOX_HTTP = 27
POSTGRES = 30
NATS = 31


@dataclass(frozen=True)
class Ports:
    """Every port of one stack."""

    base: int = DEFAULT_BASE

    def http(self, service: str) -> int:
        """The HTTP port of a service."""
        return self.base + HTTP[service]

    def grpc(self, service: str) -> int:
        """The gRPC port of a service."""
        return self.base + GRPC[service]

    def grpc_address(self, service: str) -> str:
        """Where a service answers gRPC: `127.0.0.1:7412`."""
        return f"{LOOPBACK}:{self.grpc(service)}"

    def url(self, service: str) -> str:
        """Where people and browsers reach a service: `http://127.0.0.1:7400`."""
        return f"http://{LOOPBACK}:{self.http(service)}"

    @property
    def provisioner_http(self) -> int:
        """The provisioner's health."""
        return self.base + PROVISIONER_HTTP

    @property
    def traces_http(self) -> int:
        """The page of traces."""
        return self.base + TRACES_HTTP

    @property
    def traces_grpc(self) -> int:
        """Where spans are received."""
        return self.base + TRACES_GRPC

    @property
    def issuer_http(self) -> int:
        """The development issuer."""
        return self.base + ISSUER_HTTP

    @property
    def intake_smtp(self) -> int:
        """Where customers' mail arrives."""
        return self.base + INTAKE_SMTP

    @property
    def mailbox_smtp(self) -> int:
        """Where our mail leaves to."""
        return self.base + MAILBOX_SMTP

    @property
    def mailbox_http(self) -> int:
        """The page that shows the mail that left."""
        return self.base + MAILBOX_HTTP

    @property
    def postgres(self) -> int:
        """PostgreSQL."""
        return self.base + POSTGRES

    @property
    def nats(self) -> int:
        """The broker."""
        return self.base + NATS

    @property
    def traces_url(self) -> str:
        """The page of traces."""
        return f"http://{LOOPBACK}:{self.traces_http}"

    @property
    def mailbox_url(self) -> str:
        """The page of the mail that left."""
        return f"http://{LOOPBACK}:{self.mailbox_http}"

    @property
    def issuer_url(self) -> str:
        """The development issuer."""
        return f"http://{LOOPBACK}:{self.issuer_http}"

    @property
    def nats_url(self) -> str:
        """The broker's address, without credentials."""
        return f"nats://{LOOPBACK}:{self.nats}"

    def all(self) -> Iterator[tuple[int, str]]:
        """Every port with the name of who listens there."""
        for service in HTTP:
            yield self.http(service), f"{service} (HTTP)"
        for service in GRPC:
            yield self.grpc(service), f"{service} (gRPC)"
        yield self.provisioner_http, "the provisioner"
        yield self.traces_http, "the page of traces"
        yield self.traces_grpc, "the receiver of traces"
        yield self.issuer_http, "the development issuer"
        yield self.intake_smtp, "intake (SMTP)"
        yield self.mailbox_smtp, "the local mailbox (SMTP)"
        yield self.mailbox_http, "the page of the local mailbox"
        yield self.postgres, "PostgreSQL"
        yield self.nats, "NATS"


def free_base() -> int:
    """Find a base whose every port is free at this moment, for a test's own stack.

    Chosen at random below the ephemeral ports, so that two test runs at once seldom meet.
    """
    for _ in range(200):
        base = random.randrange(10_000, 32_000 - SPAN, SPAN)  # noqa: S311 - not a secret
        if all(is_free(port) for port, _ in Ports(base).all()):
            return base
    raise LookupError("no block of free ports was found between 10000 and 32000")


def is_free(port: int) -> bool:
    """Tell whether nobody listens on a port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
