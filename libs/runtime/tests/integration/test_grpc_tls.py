import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from otklik_runtime import env, health, keys
from otklik_runtime.auth import TokenIssuer
from otklik_runtime.errors import CannotStart, Unavailable
from otklik_runtime.grpc_client import GrpcClients
from otklik_runtime.grpc_server import GrpcServer
from otklik_runtime.grpc_tls import server_credentials

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CHECK = health_pb2.HealthCheckRequest()


class Settings(env.Settings):
    service: ClassVar[str] = "sample"


class Authority:
    """Signs certificates."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        self.certificate = self._signed(self.name, self.key.public_key(), authority=True)

    def write(self, folder: Path, name: str) -> dict[str, Path]:
        """Write a certificate for a service, and give the settings that name the files."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        folder.mkdir(exist_ok=True)
        pem = serialization.Encoding.PEM
        (folder / "key.pem").write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        signed = self._signed(subject, key.public_key(), authority=False)
        (folder / "certificate.pem").write_bytes(signed.public_bytes(pem))
        (folder / "authority.pem").write_bytes(self.certificate.public_bytes(pem))
        return {
            "tls_certificate_file": folder / "certificate.pem",
            "tls_private_key_file": folder / "key.pem",
            "tls_authority_file": folder / "authority.pem",
        }

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, authority: bool
    ) -> x509.Certificate:
        names = [x509.DNSName("localhost")]
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW)
            .not_valid_after(NOW + timedelta(days=36500))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
async def port(tmp_path: Path, authority: Authority) -> AsyncIterator[int]:
    """Serve health over TLS."""
    state = health.begin()
    files: dict[str, Any] = authority.write(tmp_path / "server", "sample")
    server = GrpcServer(Settings(**files), [], verifier=TokenIssuer([keys.generate()]))
    state.watch([server])
    running = asyncio.create_task(server.run())
    yield server.port
    await server.drain()
    await running


async def check(port: int, files: dict[str, Any], *, environment: str = "production") -> int:
    """Ask for the server's health as a service with these certificates does."""
    settings = Settings(
        environment=environment, grpc_addresses={"sample": f"localhost:{port}"}, **files
    )
    async with AsyncExitStack() as stack:
        stub = GrpcClients(settings, stack).stub(HealthStub, "sample", anonymous=True)
        answer: Any = await stub.Check(CHECK, timeout=3)
        return int(answer.status)


async def test_services_with_certificates_of_one_authority_understand_each_other(
    port: int, tmp_path: Path, authority: Authority
):
    files = authority.write(tmp_path / "client", "other")

    assert await check(port, files) == health_pb2.HealthCheckResponse.SERVING


async def test_nobody_gets_in_without_a_certificate_or_with_a_foreign_one(
    port: int, tmp_path: Path, authority: Authority
):
    foreign = Authority().write(tmp_path / "foreign", "other")
    # Believes the server, but shows a certificate that the server does not believe.
    foreign["tls_authority_file"] = authority.write(tmp_path / "own", "x")["tls_authority_file"]

    with pytest.raises(Unavailable):
        await check(port, {}, environment="development")
    with pytest.raises(Unavailable):
        await check(port, dict(foreign))


async def test_a_client_does_not_believe_a_foreign_server(
    port: int, tmp_path: Path, authority: Authority
):
    files = authority.write(tmp_path / "client", "other")
    files["tls_authority_file"] = Authority().write(tmp_path / "foreign", "x")["tls_authority_file"]

    with pytest.raises(Unavailable):
        await check(port, dict(files))


async def test_a_replaced_certificate_is_shown_without_a_restart(
    port: int, tmp_path: Path, authority: Authority
):
    own = authority.write(tmp_path / "client", "other")
    assert await check(port, own) == health_pb2.HealthCheckResponse.SERVING

    new = Authority()
    new.write(tmp_path / "server", "sample")
    for path in (tmp_path / "server").iterdir():
        os.utime(path, ns=(1, 1))

    replaced = new.write(tmp_path / "client", "other")
    assert await check(port, replaced) == health_pb2.HealthCheckResponse.SERVING


def test_a_missing_certificate_file_is_a_sentence(tmp_path: Path, authority: Authority):
    files: dict[str, Any] = authority.write(tmp_path / "server", "sample")
    files["tls_certificate_file"].unlink()

    with pytest.raises(CannotStart, match=r"certificate\.pem cannot be read"):
        server_credentials(Settings(**files))


def test_without_certificates_there_is_no_encryption():
    assert server_credentials(Settings()) is None
