"""A service of the catalogue, as much as a sender needs to choose one."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """One service; `name` is `services/{service}`."""

    name: str
    display_name: Mapping[str, str]
