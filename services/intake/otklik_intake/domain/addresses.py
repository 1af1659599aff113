"""Mail addresses as intake compares them."""

import re
from dataclasses import dataclass

MAX_LENGTH = 320

# Deliberately loose: it keeps out what cannot be an address or could break a header, not what is
# merely unusual. Whether somebody is there, only a delivery can tell.
_ADDRESS = re.compile(r"[^\s<>()\[\]\\,;:\"@\x00-\x1f\x7f]+@[^\s<>()\[\]\\,;:\"@\x00-\x1f\x7f]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mailbox:
    """A name and an address, as found in From, To or Cc."""

    name: str
    address: str


def is_address(text: str) -> bool:
    """Say whether a text can be used as one mail address."""
    return len(text) <= MAX_LENGTH and _ADDRESS.fullmatch(text) is not None


def without_tag(address: str) -> str:
    """Return an address lower-cased and without the part between plus and at."""
    local, _, domain = address.strip().lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def tag_of(address: str) -> str:
    """Return the part between plus and at: where a thread token travels. Empty if there is none."""
    local, _, _ = address.strip().rpartition("@")
    return local.partition("+")[2]
