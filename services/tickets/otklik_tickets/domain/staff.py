"""The people who work at the desk and the partner systems that call it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Agent:
    """Somebody who works at the desk."""

    id: str
    display_name: str
    subject: str
    roles: tuple[str, ...]
    locale: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Partner:
    """A partner system that calls the API."""

    id: str
    display_name: str
    public_key_pem: str
    created_at: datetime
