"""Encryption between services: both sides show a certificate, and believe one authority.

Certificates are short-lived and replaced in their files; the server reads them again when they
change, the client when it connects anew.
"""

from pathlib import Path

import grpc

from otklik_runtime.env import Settings
from otklik_runtime.errors import CannotStart


class _Files:
    """The three files, and what was in them when they were last read."""

    def __init__(self, certificate: Path, private_key: Path, authority: Path) -> None:
        self._paths = (private_key, certificate, authority)
        self._changed_at: tuple[int, ...] = ()
        self._content: tuple[bytes, ...] = ()

    def read(self) -> tuple[bytes, ...]:
        """Give private key, certificate and authority."""
        try:
            changed_at = tuple(path.stat().st_mtime_ns for path in self._paths)
            if changed_at != self._changed_at:
                self._content = tuple(path.read_bytes() for path in self._paths)
                self._changed_at = changed_at
        except OSError as error:
            if not self._content:
                raise CannotStart(
                    f"the certificate file {error.filename} cannot be read: {error.strerror}",
                ) from error
            # Replaced just now, half of it: the old ones are good until the next look.
        return self._content


def server_credentials(settings: Settings) -> grpc.ServerCredentials | None:
    """Give what the server shows and asks for; None where it serves in plain text."""
    files = _files(settings)
    if files is None:
        return None

    def configuration() -> grpc.ServerCertificateConfiguration:
        private_key, certificate, authority = files.read()
        return grpc.ssl_server_certificate_configuration([(private_key, certificate)], authority)

    return grpc.dynamic_ssl_server_credentials(
        configuration(),
        configuration,
        require_client_authentication=True,
    )


def channel_credentials(settings: Settings) -> grpc.ChannelCredentials | None:
    """Give what the client shows and asks for; None where it speaks in plain text."""
    files = _files(settings)
    if files is None:
        return None
    private_key, certificate, authority = files.read()
    return grpc.ssl_channel_credentials(authority, private_key, certificate)


def _files(settings: Settings) -> _Files | None:
    certificate, private_key = settings.tls_certificate_file, settings.tls_private_key_file
    authority = settings.tls_authority_file
    if certificate is None or private_key is None or authority is None:
        return None
    return _Files(certificate, private_key, authority)
