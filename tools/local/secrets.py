"""The keys and passwords of a local stack: made on first run, in files for their owner alone."""

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from otklik_runtime import keys
from otklik_runtime.key_ring import KeyRing

SERVICES = ("intake", "tickets", "sla", "notify", "feedback", "desk")
SIGNING, ISSUER, PARTNER = "signing", "issuer", "partner"


@dataclass(frozen=True)
class Secrets:
    """Every secret of one stack, in one folder that only its owner may enter."""

    folder: Path

    def make(self, *, nats_users: Iterable[str], database_roles: Iterable[str]) -> None:
        """Make what is not there yet; what is there stays as it is."""
        for name in (*SERVICES, SIGNING, ISSUER, PARTNER):
            if not self.private_key_file(name).exists():
                keys.save_private(keys.generate(), self.private_key_file(name))
        if not self.key_ring.exists():
            write_private(self.key_ring, KeyRing.generate())
        public = {service: self.public_key_pem(service) for service in SERVICES}
        write_private(self.service_keys, json.dumps(public, indent=2))
        self._make_passwords("nats.json", nats_users)
        self._make_passwords("database.json", database_roles)

    def private_key_file(self, name: str) -> Path:
        """Find the Ed25519 private key (PEM) of a service, `signing`, `issuer` or `partner`."""
        return self.folder / f"{name}.pem"

    def private_key(self, name: str) -> keys.PrivateKey:
        """Read a private key."""
        return keys.load_private(self.private_key_file(name))[0]

    def public_key_pem(self, name: str) -> str:
        """Write the public half of a key as PEM."""
        return keys.public_text(self.private_key(name).public_key())

    @property
    def service_keys(self) -> Path:
        """The public keys of all services, by name: whose assertions tickets believes."""
        return self.folder / "service-keys.json"

    @property
    def key_ring(self) -> Path:
        """The keys that sign links and mail tokens."""
        return self.folder / "key-ring.json"

    def nats_password(self, user: str) -> str:
        """Give the password of a NATS user."""
        return self._passwords("nats.json")[user]

    def database_password(self, role: str) -> str:
        """Give the password of a database role."""
        return self._passwords("database.json")[role]

    def _make_passwords(self, name: str, owners: Iterable[str]) -> None:
        kept = self._passwords(name)
        missing = {owner: secrets.token_hex(16) for owner in owners if owner not in kept}
        if missing:
            write_private(self.folder / name, json.dumps(kept | missing, indent=2))

    def _passwords(self, name: str) -> dict[str, str]:
        try:
            kept: dict[str, str] = json.loads((self.folder / name).read_text())
        except FileNotFoundError:
            return {}
        return kept


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    unfinished.write_text(text)
    unfinished.replace(path)
